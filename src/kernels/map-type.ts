import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** y = x, each f32 or f16. */
export function convertMap(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>): void {
  const { images, plane } = planes(x);
  const shader = y.element === 'f32' ? shaders.mapToFloats : shaders.mapFromFloats;
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shader, { buffers, params: { plane, ...views }, grid: planeGrid(plane, channels, images, shader.overrides.WG) });
  }
}
