import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import * as shaders from './shaders.gen.js';

/** y = sum of the terms (two or more), added in the order given. */
export function sum(r: Recorder, terms: readonly Tensor[], y: Tensor): void {
  const [first, second, ...rest] = terms;
  if (!first || !second) throw new RangeError(`sum: ${terms.length} term(s) given, expected at least two.`);
  const partial = rest.length === 0 ? y : r.empty(first.axes, first.shape, 'partial sum');
  addPair(r, first, second, partial);
  if (rest.length > 0) sum(r, [partial, ...rest], y);
}

function addPair(r: Recorder, a: Tensor, b: Tensor, y: Tensor): void {
  const { images, plane } = planes(a);
  for (const { channels, buffers, views } of channelRuns({ a, b, y })) {
    const count = images * channels * plane;
    r.dispatch(shaders.sum, { buffers, params: { count, channels, plane, ...views }, grid: flatGrid(count, shaders.sum.overrides.WG) });
  }
}
