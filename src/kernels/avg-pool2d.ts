import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planeGrid } from './plane-grid.js';
import { poolParams, type PoolWindow } from './pool-window.js';
import * as shaders from './shaders.gen.js';

/** How windows over the border count: with or without the padding. */
interface AvgPoolWindow extends PoolWindow {
  readonly countIncludePad: boolean;
}

export function avgPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, window: AvgPoolWindow): void {
  const { WG, CHANNELS } = shaders.avgPool2d.overrides;
  const settings = { ...poolParams(x, y, window), countIncludePad: Number(window.countIncludePad) };
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    const grid = planeGrid(y.dim('H') * y.dim('W'), Math.ceil(channels / CHANNELS), x.dim('N'), WG, 1);
    r.dispatch(shaders.avgPool2d, { buffers, params: { ...settings, channels, ...views }, grid });
  }
}

export function avgPool2dGrad(r: Recorder, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, window: AvgPoolWindow): void {
  const { WG, CHANNELS } = shaders.avgPool2dGrad.overrides;
  const settings = { ...poolParams(dx, dy, window), countIncludePad: Number(window.countIncludePad) };
  for (const { channels, buffers, views } of channelRuns({ dy, dx })) {
    const grid = planeGrid(dx.dim('H') * dx.dim('W'), Math.ceil(channels / CHANNELS), dx.dim('N'), WG, 1);
    r.dispatch(shaders.avgPool2dGrad, { buffers, params: { ...settings, channels, ...views }, grid });
  }
}
