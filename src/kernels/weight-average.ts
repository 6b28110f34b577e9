import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { flatRanges } from './flat-ranges.js';
import * as shaders from './shaders.gen.js';

/** Moves `average` toward x by the step state's share; nothing moves where the report says that the update is skipped. */
export function weightAverage(r: Recorder, t: Readonly<Record<'x' | 'average' | 'report' | 'step', Tensor<'E'>>>): void {
  const shared = { report: t.report.buffer, step: t.step.buffer };
  for (const { count, buffers } of flatRanges({ x: t.x, average: t.average }, r.device.maxBindingBytes)) {
    const grid = flatGrid(count, shaders.weightAverage.overrides.WG);
    r.dispatch(shaders.weightAverage, { buffers: { ...buffers, ...shared }, params: { count }, grid });
  }
}
