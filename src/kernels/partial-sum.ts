import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { planes } from './channels.js';
import { planeLanes } from './plane-pieces.js';
import * as shaders from './shaders.gen.js';

/**
 * How the kernels with shaders/lib/plane-share.wgsl divide the planes of x: among `lanes` invocations each, which leave `partials`
 * results per channel.
 */
export function planeShares(x: Tensor): { plane: number; images: number; lanes: number; partials: number } {
  const { images, plane } = planes(x);
  const lanes = planeLanes(plane);
  return { plane, images, lanes, partials: images * lanes };
}

/** Invocations that add the partial results of a channel: a tree of few is quicker where there are few results. */
export function secondStage(partials: number): number {
  return partials < 512 ? 8 : 64;
}

/** total[c] = sum over k of partial[c, k]. */
export function partialSum(r: Recorder, partial: Tensor<'CK'>, total: Tensor): void {
  const [channels, partials] = [partial.dim('C'), partial.dim('K')];
  r.dispatch(shaders.partialSum, {
    buffers: { partial: partial.buffer, total: total.buffer },
    params: { partials },
    overrides: { WG: secondStage(partials) },
    grid: [channels, 1, 1],
  });
}
