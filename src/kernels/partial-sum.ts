import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { planes } from './channels.js';
import * as shaders from './shaders.gen.js';

/** Pixels of a plane that one workgroup sums: fixed, so that the order of summation depends on the shape alone. */
export const SEGMENT = 4096;

/** Segments of one plane of x, and partial results per channel: one for every segment of every image. */
export function segments(x: Tensor): { perPlane: number; partials: number } {
  const { images, plane } = planes(x);
  const perPlane = Math.ceil(plane / SEGMENT);
  return { perPlane, partials: images * perPlane };
}

/** totals[column][c] = sum over k of partial[c, k, column], each column in its own dispatch: gradients share a buffer. */
export function partialSum(r: Recorder, partial: Tensor<'CKS'>, totals: readonly Tensor<'C'>[]): void {
  const [partials, columns] = [partial.dim('K'), partial.dim('S')];
  for (const [column, total] of totals.entries()) {
    const buffers = { partial: partial.buffer, total: total.buffer };
    r.dispatch(shaders.partialSum, { buffers, params: { partials, columns, column }, grid: [partial.dim('C'), 1, 1] });
  }
}
