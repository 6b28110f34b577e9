import type { Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { tensorIn, type Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/** Scalars that one dispatch takes. */
const PER_DISPATCH = 5;
/** Bytes from one gradient to the next: each can be bound by itself. */
const SPACING = 256;

/** total = sum of weights[i] * scalars[i]; values[i] = scalars[i]. */
export function weightedSum(
  r: Recorder,
  scalars: readonly Tensor[],
  weights: readonly number[],
  values: Tensor<'E'>,
  total: Tensor<''>,
): void {
  for (let first = 0; first < scalars.length; first += PER_DISPATCH) {
    const here = scalars.slice(first, first + PER_DISPATCH);
    const x = (i: number): BufferRef => (here[i] ?? scalars[first]!).buffer;
    r.dispatch(shaders.weightedSum, {
      buffers: { x0: x(0), x1: x(1), x2: x(2), x3: x(3), x4: x(4), values: values.buffer, total: total.buffer },
      params: { first, count: here.length, ...five(weights, first) },
      grid: [1, 1, 1],
    });
  }
}

/** The gradients by every scalar: weights[i] * dy. */
export function weightedSumGrad(r: Recorder, weights: readonly number[], dy: Tensor): Tensor<''>[] {
  const all = r.empty('E', [(weights.length * SPACING) / 4], 'loss gradients').buffer;
  for (let first = 0; first < weights.length; first += PER_DISPATCH) {
    const params = { first, count: Math.min(PER_DISPATCH, weights.length - first), ...five(weights, first) };
    r.dispatch(shaders.weightedSumGrad, { buffers: { dy: dy.buffer, dx: all }, params, grid: [1, 1, 1] });
  }
  return weights.map((_, i) => {
    const buffer = { storage: all.storage, offsetBytes: all.offsetBytes + i * SPACING, sizeBytes: 4 };
    return tensorIn(buffer, '', [], `loss gradient ${i}`);
  });
}

function five(weights: readonly number[], first: number) {
  const at = (i: number): number => weights[first + i] ?? 0;
  return { weight0: at(0), weight1: at(1), weight2: at(2), weight3: at(3), weight4: at(4) };
}
