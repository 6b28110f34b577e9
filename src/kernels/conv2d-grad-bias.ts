import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { partialSum, planeShares } from './partial-sum.js';
import * as shaders from './shaders.gen.js';

/** db = sum of dy by channel. */
export function conv2dGradBias(r: Recorder, dy: Tensor<'NCHW'>, db: Tensor<'C'>): void {
  const { partials, ...shares } = planeShares(dy);
  const partial = r.empty('CK', [dy.dim('C'), partials], 'bias gradient sums');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ dy })) {
    const count = channels * partials;
    r.dispatch(shaders.conv2dGradBias, {
      buffers: { ...buffers, partial: partial.buffer },
      params: { count, ...shares, first: firstChannel * partials, ...views },
      grid: flatGrid(count, shaders.conv2dGradBias.overrides.WG),
    });
  }
  partialSum(r, partial, db);
}
