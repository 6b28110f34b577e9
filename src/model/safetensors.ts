// The safetensors container (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length, JSON header, data.
// Files come from anywhere, so reading trusts nothing: every length, offset and shape is checked before it is used.
import { UserError } from '../errors.js';

/** Array that holds the values of each stored type. Half precision stays as its 16-bit pattern, 64-bit integers are BigInt. */
interface StoredArrays {
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

/** One tensor of a file: `data` is row-major and has as many entries as the product of `shape` ([] and [1] both hold one). */
export type StoredTensor = {
  [D in Dtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: StoredArrays[D] };
}[Dtype];

export interface SafetensorsContent {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

const ARRAYS = {
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
const ALIGNMENT = 8; // bytes; the header is padded with spaces so that the data starts here

/** A float32 tensor to be written. `data` is not copied. */
export function floatTensor(shape: readonly number[], data: Float32Array<ArrayBuffer>): StoredTensor {
  return { dtype: 'F32', shape, data };
}

/**
 * All tensors and metadata of a safetensors file; the data is copied, so `bytes` may be reused or freed.
 *
 * @param file how error messages call the file
 * @throws UserError where the bytes are not exactly one valid safetensors file
 */
export function readSafetensors(bytes: Uint8Array, file: string): SafetensorsContent {
  const { header, dataStart } = readHeader(bytes, file);
  const metadata = readMetadata(header.__metadata__, file);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => readEntry(name, value, file));
  checkCoverage(entries, bytes.length - dataStart, file);
  const tensors = new Map(entries.map((entry) => [entry.name, copyTensor(bytes, dataStart, entry)]));
  return { tensors, metadata };
}

/**
 * The bytes of a safetensors file. The same content gives the same bytes whatever the order of `tensors`: header keys are sorted by
 * name, the data lies widest type first (so that every tensor is aligned to its type), then by name.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([a], [b]) => compareNames(a, b));
  const placed = [...sorted].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT); // stable: names stay in order
  const offsets = new Map<string, [begin: number, end: number]>();
  let end = 0;
  for (const [name, tensor] of placed) {
    checkWritable(name, tensor);
    offsets.set(name, [end, (end += tensor.data.byteLength)]);
  }
  const header = encodeHeader(sorted, offsets, metadata);
  const bytes = new Uint8Array(8 + header.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  for (const [name, { data }] of placed) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + header.length + (offsets.get(name)?.[0] ?? 0));
  }
  return bytes;
}

/** @throws UserError naming the first floating-point tensor that holds NaN or an infinity */
export function assertFinite(tensors: ReadonlyMap<string, StoredTensor>, file: string): void {
  for (const [name, tensor] of tensors) {
    const at = firstNonFinite(tensor);
    if (at < 0) continue;
    throw new UserError(
      `${file}: tensor '${name}' holds ${describeNonFinite(tensor, at)} at index ${at}; all values must be finite. ` +
        'The training that wrote it diverged or the file is damaged: use an earlier checkpoint or another model.',
    );
  }
}

// ---- header ----

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json | undefined;
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

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

function readHeader(bytes: Uint8Array, file: string): { header: JsonObject; dataStart: number } {
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
  return { header: parseObject(text, file), dataStart };
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

// ---- tensor entries ----

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: number[];
  readonly begin: number; // bytes from the start of the data
  readonly end: number;
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
function sizeBytes(shape: readonly number[], bytesPerElement: number): number | null {
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

function copyTensor(bytes: Uint8Array, dataStart: number, { dtype, shape, begin, end }: Entry): StoredTensor {
  const copy = new Uint8Array(end - begin); // own buffer: aligned for every type
  copy.set(bytes.subarray(dataStart + begin, dataStart + end));
  return { dtype, shape, data: new ARRAYS[dtype](copy.buffer) } as StoredTensor;
}

// ---- writing and values ----

function checkWritable(name: string, { dtype, shape, data }: StoredTensor): void {
  if (name === '__metadata__') throw new RangeError("writeSafetensors: '__metadata__' is reserved. Choose another tensor name.");
  const need = shape.every((side) => Number.isSafeInteger(side) && side >= 0) ? sizeBytes(shape, data.BYTES_PER_ELEMENT) : null;
  if (need !== data.byteLength || !(data instanceof ARRAYS[dtype])) {
    throw new RangeError(
      `writeSafetensors: tensor '${name}' of shape [${shape.join(', ')}], ${dtype}, does not fit its ${data.length} values.`,
    );
  }
}

function encodeHeader(
  sorted: readonly (readonly [string, StoredTensor])[],
  offsets: ReadonlyMap<string, readonly [number, number]>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const parts = sorted.map(([name, { dtype, shape }]) => {
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets.get(name) })}`;
  });
  const keys = Object.keys(metadata).sort(compareNames);
  if (keys.length > 0) {
    parts.unshift(`"__metadata__":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join(',')}}`);
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  padded.set(json);
  return padded;
}

/** Bits of the exponent, all set in infinities and NaN, of the types kept as bit patterns. */
const EXPONENT_BITS = { F16: 0x7c00, BF16: 0x7f80 };

function firstNonFinite({ dtype, data }: StoredTensor): number {
  if (dtype === 'F32' || dtype === 'F64') return data.findIndex((value) => !Number.isFinite(value));
  if (dtype !== 'F16' && dtype !== 'BF16') return -1;
  const exponent = EXPONENT_BITS[dtype];
  return data.findIndex((bits) => (bits & exponent) === exponent);
}

function describeNonFinite({ dtype, data }: StoredTensor, at: number): string {
  return dtype === 'F32' || dtype === 'F64' ? String(data[at]) : 'NaN or an infinity';
}
