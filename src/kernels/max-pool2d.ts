import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planeGrid } from './plane-grid.js';
import { poolParams, type PoolWindow } from './pool-window.js';
import * as shaders from './shaders.gen.js';

/** `index` (of y's shape) holds 32-bit unsigned integers: row * W + column of the winner. */
export function maxPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, index: Tensor<'NCHW'>, window: PoolWindow): void {
  const { WG, CHANNELS } = shaders.maxPool2d.overrides;
  for (const { channels, buffers, views } of channelRuns({ x, y, index })) {
    const grid = planeGrid(y.dim('H') * y.dim('W'), Math.ceil(channels / CHANNELS), x.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2d, { buffers, params: { ...poolParams(x, y, window), channels, ...views }, grid });
  }
}

export function maxPool2dGrad(r: Recorder, dy: Tensor<'NCHW'>, index: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, window: PoolWindow): void {
  const { WG, CHANNELS } = shaders.maxPool2dGrad.overrides;
  for (const { channels, buffers, views } of channelRuns({ dy, index, dx })) {
    const grid = planeGrid(dx.dim('H') * dx.dim('W'), Math.ceil(channels / CHANNELS), dx.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2dGrad, { buffers, params: { ...poolParams(dx, dy, window), channels, ...views }, grid });
  }
}
