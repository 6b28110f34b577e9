import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

const WG = shaders.relu.overrides.WG;

export function relu(r: Recorder, x: Tensor, y: Tensor): void {
  const { images, plane } = planes(x);
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.relu, { buffers, params: { plane, ...views }, grid: planeGrid(plane, channels, images, WG) });
  }
}

/** From the output y: its sign is that of the input wherever the gradient is not 0. */
export function reluGrad(r: Recorder, y: Tensor, dy: Tensor, dx: Tensor): void {
  const { images, plane } = planes(y);
  for (const { channels, buffers, views } of channelRuns({ y, dy, dx })) {
    r.dispatch(shaders.reluGrad, { buffers, params: { plane, ...views }, grid: planeGrid(plane, channels, images, WG) });
  }
}
