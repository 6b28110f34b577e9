// The header of a safetensors file, checked: metadata, and which tensors lie where. Files come from anywhere, so nothing is trusted:
// every length, offset and shape is checked before it is used.
import { UserError } from '../errors.js';

/** Array that holds the values of each stored type. Half precision stays as its 16-bit pattern, 64-bit integers are BigInt. */
export interface StoredArrays {
  F64: Float64Array<ArrayBuffer>;
  F32: Float32Array<ArrayBuffer>;
  F16: Uint16Array<ArrayBuffer>;
  BF16: Uint16Array<ArrayBuffer>;
  I64: BigInt64Array<ArrayBuffer>;
  U64: BigUint64Array<ArrayBuffer>;
  I32: Int32Array<ArrayBuffer>;
  U32: Uint32Array<ArrayBuffer>;
  I16: Int16Array<ArrayBuffer>;
  U16: Uint16Array<ArrayBuffer>;
  I8: Int8Array<ArrayBuffer>;
  U8: Uint8Array<ArrayBuffer>;
  BOOL: Uint8Array<ArrayBuffer>;
}
export type Dtype = keyof StoredArrays;

export const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} satisfies { [D in Dtype]: new (buffer: ArrayBuffer) => StoredArrays[D] };

const MAX_HEADER_BYTES = 100_000_000; // as in the reference implementation

/** What the header says of one tensor. */
export interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: number[];
  /** Bytes from the start of the data. */
  readonly begin: number;
  readonly end: number;
}

/** What a file says before its data. */
export interface Header {
  readonly metadata: Record<string, string>;
  readonly entries: readonly Entry[];
  /** Byte of the file at which the data begins. */
  readonly dataStart: number;
}

/**
 * @param file how error messages call the file
 * @throws UserError where the header is damaged or does not describe exactly the bytes that follow it
 */
export function readHeader(bytes: Uint8Array, file: string): Header {
  const { json, dataStart } = readJson(bytes, file);
  const { __metadata__: metadata, ...tensors } = json;
  const entries = Object.entries(tensors).map(([name, value]) => readEntry(name, value, file));
  checkCoverage(entries, bytes.length - dataStart, file);
  return { metadata: readMetadata(metadata, file), entries, dataStart };
}

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json | undefined;
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function damaged(
  file: string,
  found: string,
  repair = 'The file is damaged or written by a faulty program: copy or export it again.',
): UserError {
  return new UserError(`${file}: ${found}. ${repair}`);
}

function foreign(file: string, found: string): UserError {
  return damaged(file, `not a safetensors file: ${found}`, 'Give a .safetensors file, as written by mcgpu.');
}

function readJson(bytes: Uint8Array, file: string): { json: JsonObject; dataStart: number } {
  if (bytes.length < 8) throw foreign(file, `it has ${bytes.length} bytes, expected at least 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw foreign(file, `its first 8 bytes announce a header of ${length} bytes, the limit is ${MAX_HEADER_BYTES}`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    throw damaged(
      file,
      `cut short or not a safetensors file: the header should end at byte ${dataStart}, the file ends at ${bytes.length}`,
    );
  }
  if (bytes[8] !== 0x7b || dataStart < 10) throw foreign(file, "its header does not begin with '{'");
  const text = decodeUtf8(bytes.subarray(8, dataStart), file);
  return { json: parseObject(text, file), dataStart };
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw foreign(file, 'its header is not UTF-8 text');
  }
}

function parseObject(text: string, file: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw damaged(file, 'its header is not valid JSON');
  }
  if (!isObject(value)) throw damaged(file, 'its header is not a JSON object');
  checkDuplicates(text, file);
  return value;
}

/** JSON.parse keeps the last of equal keys silently; a second tensor of the same name must be seen. `text` is valid JSON. */
function checkDuplicates(text: string, file: string): void {
  const open: Set<string>[] = [];
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (key !== undefined) {
      const name = JSON.parse(key) as string;
      const seen = open.at(-1);
      if (seen?.has(name)) throw damaged(file, `its header has the name '${name}' twice`);
      seen?.add(name);
    }
  }
}

function readMetadata(value: Json | undefined, file: string): Record<string, string> {
  if (value === undefined) return {};
  const entries = isObject(value) ? Object.entries(value) : [];
  if (!isObject(value) || entries.some(([, text]) => typeof text !== 'string')) {
    throw damaged(file, '__metadata__ is not a JSON object of strings');
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

const isSize = (value: Json | undefined): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isDtype = (value: Json | undefined): value is Dtype => typeof value === 'string' && Object.hasOwn(ARRAYS, value);

function readEntry(name: string, value: Json | undefined, file: string): Entry {
  const fail = (found: string): UserError => damaged(file, `tensor '${name}': ${found}`);
  if (!isObject(value)) throw fail('its entry is not a JSON object');
  const { dtype, shape, data_offsets: offsets, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fail(`unknown field '${unknown}', expected dtype, shape and data_offsets`);
  if (!isDtype(dtype)) throw fail(`type ${JSON.stringify(dtype)}, expected one of ${Object.keys(ARRAYS).join(', ')}`);
  if (!Array.isArray(shape) || !shape.every(isSize)) throw fail(`shape ${JSON.stringify(shape)}, expected a list of whole numbers >= 0`);
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isSize(begin) || !isSize(end) || begin > end) throw fail(`data_offsets ${JSON.stringify(offsets)}, expected [begin, end] in bytes`);
  const need = sizeBytes(shape, ARRAYS[dtype].BYTES_PER_ELEMENT);
  if (need !== end - begin) {
    throw fail(`${dtype} of shape [${shape.join(', ')}] needs ${need ?? 'too many'} bytes, data_offsets hold ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Bytes of a tensor, or null where the product leaves the exactly representable integers. */
export function sizeBytes(shape: readonly number[], bytesPerElement: number): number | null {
  let size = bytesPerElement;
  for (const side of shape) {
    size *= side;
    if (!Number.isSafeInteger(size)) return null;
  }
  return size;
}

/** The tensors must tile the data exactly: no overlap, no gap, nothing behind the last. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, file: string): void {
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.end > dataBytes) {
      throw damaged(file, `cut short: tensor '${entry.name}' ends at byte ${entry.end} of the data, which has ${dataBytes}`);
    }
    if (entry.begin !== end) {
      const fault = entry.begin < end ? 'overlaps the tensor before it' : 'leaves a gap after the tensor before it';
      throw damaged(file, `tensor '${entry.name}' ${fault}: it begins at byte ${entry.begin} of the data, expected ${end}`);
    }
    end = entry.end;
  }
  if (end !== dataBytes) throw damaged(file, `its tensors end at byte ${end} of the data, which has ${dataBytes}`);
}
