import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { flatRanges } from './flat-ranges.js';
import * as shaders from './shaders.gen.js';

/** Copies x to `kept`, or `kept` back to x where the report says that the update is skipped. */
export function keepOrRestore(r: Recorder, t: Readonly<Record<'x' | 'kept' | 'report', Tensor<'E'>>>): void {
  for (const { count, buffers } of flatRanges({ x: t.x, kept: t.kept }, r.device.maxBindingBytes)) {
    const grid = flatGrid(count, shaders.keepOrRestore.overrides.WG);
    r.dispatch(shaders.keepOrRestore, { buffers: { ...buffers, report: t.report.buffer }, params: { count }, grid });
  }
}
