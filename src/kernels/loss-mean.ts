import type { Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/** What a weighted mean leaves: its value, and 1 / the sum of weights for its gradient. */
export interface LossMean {
  readonly loss: Tensor<''>;
  readonly inverse: Tensor<''>;
}

/** loss = sum of the first / sum of the second of `count` pairs; 0 where the second add up to 0. */
export function lossMean(r: Recorder, partials: BufferRef, count: number, { loss, inverse }: LossMean): void {
  const buffers = { partials, loss: loss.buffer, inverse: inverse.buffer };
  r.dispatch(shaders.lossMean, { buffers, params: { count }, grid: [1, 1, 1] });
}
