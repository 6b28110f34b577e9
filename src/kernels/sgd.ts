import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import type { AdamTensors } from './adam.js';
import { flatRanges } from './flat-ranges.js';
import * as shaders from './shaders.gen.js';

export interface SgdTensors extends Omit<AdamTensors, 'm' | 'v'> {
  readonly velocity: Tensor<'E'>;
}

/** One update of all weights. */
export function sgd(r: Recorder, t: SgdTensors, { momentum, nesterov }: { momentum: number; nesterov: boolean }): void {
  const { weights, gradients, velocity } = t;
  const shared = { decay: t.decay.buffer, report: t.report.buffer, step: t.step.buffer };
  for (const { first, count, buffers } of flatRanges({ weights, gradients, velocity }, r.device.maxBindingBytes)) {
    const params = { count, firstBlock: first / 64, momentum, nesterov: nesterov ? 1 : 0 };
    r.dispatch(shaders.sgd, { buffers: { ...buffers, ...shared }, params, grid: flatGrid(count, shaders.sgd.overrides.WG) });
  }
}
