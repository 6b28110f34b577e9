import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/** Floating-point operations of one invocation in one round: 8 times 4 vectors of 4 lanes, a multiplication and an addition each. */
const FLOPS_PER_ROUND = 8 * 4 * 4 * 2;

/** Multiply-adds out of registers, by y.size invocations. Returns how many floating-point operations they do. */
export function calibrateFma(r: Recorder, y: Tensor<'E'>, rounds: number): number {
  const grid = flatGrid(y.size, shaders.calibrateFma.overrides.WG);
  r.dispatch(shaders.calibrateFma, { buffers: { y: y.buffer }, params: { rounds, factor: 0.999, addend: 0.001 }, grid });
  return FLOPS_PER_ROUND * rounds * y.size;
}

/** y = x, four floats per invocation: the sizes are multiples of 4. */
export function calibrateCopy(r: Recorder, x: Tensor<'E'>, y: Tensor<'E'>): void {
  r.dispatch(shaders.calibrateCopy, {
    buffers: { x: x.buffer, y: y.buffer },
    params: {},
    grid: flatGrid(y.size / 4, shaders.calibrateCopy.overrides.WG),
  });
}
