import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { flatRanges } from './flat-ranges.js';
import * as shaders from './shaders.gen.js';

export interface AdamTensors {
  readonly weights: Tensor<'E'>;
  readonly gradients: Tensor<'E'>;
  readonly m: Tensor<'E'>;
  readonly v: Tensor<'E'>;
  /** Weight decay per 64 elements of the flat array. */
  readonly decay: Tensor<'E'>;
  /** From `gradientNorm`. */
  readonly report: Tensor<'E'>;
  /** Words of the step state. */
  readonly step: Tensor<'E'>;
}

export interface AdamSettings {
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** true = AdamW: the decay does not pass through the moments. */
  readonly decoupled: boolean;
}

/** One update of all weights. */
export function adam(r: Recorder, t: AdamTensors, { betas, eps, decoupled }: AdamSettings): void {
  const { weights, gradients, m, v } = t;
  const [beta1, beta2] = betas;
  const shared = { decay: t.decay.buffer, report: t.report.buffer, step: t.step.buffer };
  const settings = { beta1, oneMinusBeta1: 1 - beta1, beta2, oneMinusBeta2: 1 - beta2, eps, decoupled: decoupled ? 1 : 0 };
  for (const { first, count, buffers } of flatRanges({ weights, gradients, m, v }, r.device.maxBindingBytes)) {
    const params = { count, firstBlock: first / 64, ...settings };
    r.dispatch(shaders.adam, { buffers: { ...buffers, ...shared }, params, grid: flatGrid(count, shaders.adam.overrides.WG) });
  }
}
