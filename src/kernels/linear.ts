import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/** y [N, O] = x [N, I] * weight [O, I] transposed + bias [O]. */
export function linear(r: Recorder, x: Tensor<'NC'>, weight: Tensor<'OI'>, bias: Tensor<'C'> | null, y: Tensor<'NC'>): void {
  const params = { count: y.size, inFeatures: weight.dim('I'), outFeatures: weight.dim('O'), hasBias: bias ? 1 : 0 };
  const buffers = { x: x.buffer, weight: weight.buffer, bias: (bias ?? weight).buffer, y: y.buffer };
  r.dispatch(shaders.linear, { buffers, params, grid: flatGrid(y.size, shaders.linear.overrides.WG) });
}

export function linearGradInput(r: Recorder, weight: Tensor<'OI'>, dy: Tensor<'NC'>, dx: Tensor<'NC'>): void {
  const params = { count: dx.size, inFeatures: weight.dim('I'), outFeatures: weight.dim('O') };
  const buffers = { dy: dy.buffer, weight: weight.buffer, dx: dx.buffer };
  r.dispatch(shaders.linearGradInput, { buffers, params, grid: flatGrid(dx.size, shaders.linearGradInput.overrides.WG) });
}

export function linearGradWeight(r: Recorder, x: Tensor<'NC'>, dy: Tensor<'NC'>, dw: Tensor<'OI'>): void {
  gradWeight(r, x, dy, dw, dw.dim('I'), 0);
}

export function linearGradBias(r: Recorder, dy: Tensor<'NC'>, db: Tensor<'C'>): void {
  gradWeight(r, dy, dy, db, 1, 1);
}

function gradWeight(r: Recorder, x: Tensor, dy: Tensor<'NC'>, dw: Tensor, inFeatures: number, ofBias: number): void {
  const params = { count: dw.size, rows: dy.dim('N'), inFeatures, outFeatures: dy.dim('C'), ofBias };
  const buffers = { x: x.buffer, dy: dy.buffer, dw: dw.buffer };
  r.dispatch(shaders.linearGradWeight, { buffers, params, grid: flatGrid(dw.size, shaders.linearGradWeight.overrides.WG) });
}
