import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

export function sigmoid(r: Recorder, x: Tensor, y: Tensor): void {
  const { images, plane } = planes(x);
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.sigmoid, {
      buffers,
      params: { plane, ...views },
      grid: planeGrid(plane, channels, images, shaders.sigmoid.overrides.WG),
    });
  }
}

/** From the output y. */
export function sigmoidGrad(r: Recorder, y: Tensor, dy: Tensor, dx: Tensor): void {
  const { images, plane } = planes(y);
  for (const { channels, buffers, views } of channelRuns({ y, dy, dx })) {
    r.dispatch(shaders.sigmoidGrad, {
      buffers,
      params: { plane, ...views },
      grid: planeGrid(plane, channels, images, shaders.sigmoidGrad.overrides.WG),
    });
  }
}
