import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

export interface SoftmaxSettings {
  /** Index of the axis along which the results add up to 1. */
  readonly axis: number;
  readonly logarithm: boolean;
}

export function softmax(r: Recorder, x: Tensor, y: Tensor, settings: SoftmaxSettings): void {
  const params = view(x, settings);
  r.dispatch(shaders.softmax, { buffers: { x: x.buffer, y: y.buffer }, params, grid: flatGrid(params.rows, shaders.softmax.overrides.WG) });
}

export function softmaxGrad(r: Recorder, y: Tensor, dy: Tensor, dx: Tensor, settings: SoftmaxSettings): void {
  const params = view(y, settings);
  const buffers = { y: y.buffer, dy: dy.buffer, dx: dx.buffer };
  r.dispatch(shaders.softmaxGrad, { buffers, params, grid: flatGrid(params.rows, shaders.softmaxGrad.overrides.WG) });
}

function view(x: Tensor, { axis, logarithm }: SoftmaxSettings): { rows: number; length: number; inner: number; logarithm: number } {
  const length = x.shape[axis] ?? 1;
  const inner = x.shape.slice(axis + 1).reduce((product, s) => product * s, 1);
  return { rows: x.size / length, length, inner, logarithm: logarithm ? 1 : 0 };
}
