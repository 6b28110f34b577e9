import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

export interface GeluSettings {
  /** The approximation by tanh in the place of the normal distribution function. */
  readonly tanh: boolean;
}

export function gelu(r: Recorder, x: Tensor, y: Tensor, { tanh }: GeluSettings): void {
  const { images, plane } = planes(x);
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.gelu, {
      buffers,
      params: { plane, ...views },
      overrides: { TANH: Number(tanh) },
      grid: planeGrid(plane, channels, images, shaders.gelu.overrides.WG),
    });
  }
}

/** From the input x. */
export function geluGrad(r: Recorder, x: Tensor, dy: Tensor, dx: Tensor, { tanh }: GeluSettings): void {
  const { images, plane } = planes(x);
  for (const { channels, buffers, views } of channelRuns({ x, dy, dx })) {
    r.dispatch(shaders.geluGrad, {
      buffers,
      params: { plane, ...views },
      overrides: { TANH: Number(tanh) },
      grid: planeGrid(plane, channels, images, shaders.geluGrad.overrides.WG),
    });
  }
}
