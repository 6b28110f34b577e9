import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planeGrid } from './plane-grid.js';
import type { PoolWindow } from './pool-window.js';
import * as shaders from './shaders.gen.js';

/** `index` (of y's shape) holds 32-bit unsigned integers: row * W + column of the winner. */
export function maxPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, index: Tensor<'NCHW'>, window: PoolWindow): void {
  const { WG, CHANNELS } = shaders.maxPool2d.overrides;
  const sizes = poolSizes(x, y);
  for (const { channels, buffers, views } of channelRuns({ x, y, index })) {
    const grid = planeGrid(sizes.outHeight * sizes.outWidth, Math.ceil(channels / CHANNELS), x.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2d, { buffers, params: { ...poolParams(window), ...sizes, channels, ...views }, grid });
  }
}

export function maxPool2dGrad(r: Recorder, dy: Tensor<'NCHW'>, index: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, window: PoolWindow): void {
  const { WG, CHANNELS } = shaders.maxPool2dGrad.overrides;
  const sizes = poolSizes(dx, dy);
  for (const { channels, buffers, views } of channelRuns({ dy, index, dx })) {
    const grid = planeGrid(sizes.height * sizes.width, Math.ceil(channels / CHANNELS), dx.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2dGrad, { buffers, params: { ...poolParams(window), ...sizes, channels, ...views }, grid });
  }
}

function poolParams({ kernelSize, stride, padding }: PoolWindow): PoolWindow {
  return { kernelSize, stride, padding };
}

function poolSizes(x: Tensor<'NCHW'>, y: Tensor<'NCHW'>): { height: number; width: number; outHeight: number; outWidth: number } {
  return { height: x.dim('H'), width: x.dim('W'), outHeight: y.dim('H'), outWidth: y.dim('W') };
}
