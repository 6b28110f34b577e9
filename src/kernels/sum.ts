import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** Terms that one dispatch adds. */
const TERMS = 4;

/** y = sum of the terms, added in the order given; a copy of one. */
export function sum(r: Recorder, terms: readonly Tensor[], y: Tensor): void {
  const [a, b, c, d] = terms;
  if (!a) throw new RangeError('sum: no terms given, expected at least one.');
  const rest = terms.slice(TERMS);
  const total = rest.length === 0 ? y : r.empty(a.axes, a.shape, 'partial sum', a.element);
  const { images, plane } = planes(a);
  const tensors = { a, b: b ?? a, c: c ?? a, d: d ?? a, y: total };
  for (const { channels, buffers, views } of channelRuns(tensors)) {
    const params = { plane, terms: Math.min(terms.length, TERMS), ...views };
    r.dispatch(shaders.sum, { buffers, params, grid: planeGrid(plane, channels, images, shaders.sum.overrides.WG) });
  }
  if (rest.length > 0) sum(r, [total, ...rest], y);
}
