import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { partialSum, planeShares } from './partial-sum.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** y = gamma * x by channel; with dy for x and dx for y, the gradient by x. */
export function channelScale(r: Recorder, x: Tensor<'NCHW'>, gamma: Tensor<'C'>, y: Tensor<'NCHW'>): void {
  const { images, plane } = planes(x);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.channelScale, {
      buffers: { ...buffers, gamma: gamma.buffer },
      params: { plane, firstChannel, ...views },
      grid: planeGrid(plane, channels, images, shaders.channelScale.overrides.WG),
    });
  }
}

/** dgamma = sum of x * dy by channel. */
export function channelScaleGrad(r: Recorder, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, dgamma: Tensor<'C'>): void {
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CK', [x.dim('C'), partials], 'channel scale sums');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, dy })) {
    const count = channels * partials;
    r.dispatch(shaders.channelScaleGrad, {
      buffers: { ...buffers, partial: partial.buffer },
      params: { count, ...shares, first: firstChannel * partials, ...views },
      grid: flatGrid(count, shaders.channelScaleGrad.overrides.WG),
    });
  }
  partialSum(r, partial, dgamma);
}
