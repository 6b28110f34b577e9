import type { BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';

/** One dispatch's share of an operation on flat arrays of equal length. */
export interface FlatRange<Name extends string> {
  readonly first: number;
  readonly count: number;
  readonly buffers: Readonly<Record<Name, BufferRef>>;
}

/** Elements that a range begins at a multiple of: whole 256-byte offsets, whole pieces of the gradient norm. */
const RANGE_ALIGN = 4096;

/** Cuts flat arrays into ranges that a binding of `maxBindingBytes` can hold. */
export function flatRanges<Name extends string>(tensors: Readonly<Record<Name, Tensor>>, maxBindingBytes: number): FlatRange<Name>[] {
  const names = Object.keys(tensors) as Name[];
  const size = names[0] === undefined ? 0 : tensors[names[0]].size;
  const longest = Math.max(1, Math.floor(maxBindingBytes / 4 / RANGE_ALIGN)) * RANGE_ALIGN;
  const ranges: FlatRange<Name>[] = [];
  for (let first = 0; first < size; first += longest) {
    const count = Math.min(longest, size - first);
    const buffers = Object.fromEntries(names.map((name) => [name, cut(tensors[name], size, first, count)])) as Record<Name, BufferRef>;
    ranges.push({ first, count, buffers });
  }
  return ranges;
}

function cut(t: Tensor, size: number, first: number, count: number): BufferRef {
  if (t.size !== size)
    throw new RangeError(`flat arrays: ${t.toString()} holds ${t.size} elements, the others ${size}; expected one layout.`);
  return { storage: t.buffer.storage, offsetBytes: t.buffer.offsetBytes + 4 * first, sizeBytes: 4 * count };
}
