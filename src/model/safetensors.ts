// The safetensors container (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length, JSON header, data.
import { UserError } from '../errors.js';
import { ARRAYS, readHeader, sizeBytes, type Dtype, type Entry, type StoredArrays } from './safetensors-header.js';

/** One tensor of a file: `data` is row-major and has as many entries as the product of `shape` ([] and [1] both hold one). */
export type StoredTensor = {
  [D in Dtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: StoredArrays[D] };
}[Dtype];

export interface SafetensorsContent {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

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
  const { metadata, entries, dataStart } = readHeader(bytes, file);
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

function copyTensor(bytes: Uint8Array, dataStart: number, { dtype, shape, begin, end }: Entry): StoredTensor {
  const copy = new Uint8Array(end - begin); // own buffer: aligned for every type
  copy.set(bytes.subarray(dataStart + begin, dataStart + end));
  return { dtype, shape, data: new ARRAYS[dtype](copy.buffer) } as StoredTensor;
}

const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

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
