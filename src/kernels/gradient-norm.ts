import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { flatRanges } from './flat-ranges.js';
import * as shaders from './shaders.gen.js';

/** Elements that one workgroup reads; divides the length of every range but the last. */
const PIECE = 4096;
const LARGEST_F32 = 3.4028234663852886e38;

/** Where the norm finds the gradients, and leaves its findings. */
export interface GradientNormTensors {
  readonly gradients: Tensor<'E'>;
  /** E 4: norm, scale, update 1 or 0, number of skipped updates so far. */
  readonly report: Tensor<'E'>;
  /** E 4: the loss scale, its inverse, updates since it changed, the inverse that this step was computed with. */
  readonly scaling: Tensor<'E'>;
}

export interface GradientNormSettings {
  readonly maxNorm: number | undefined;
  /** Updates after which the loss scale doubles; 0 = it never changes. */
  readonly growthInterval: number;
}

/**
 * Norm of all gradients together, the factor that clips it to `maxNorm`, and whether everything is finite, into `report`;
 * the loss scale of the next step into `scaling`. Partial sums in an order that depends on the length alone.
 */
export function gradientNorm(
  r: Recorder,
  { gradients, report, scaling }: GradientNormTensors,
  { maxNorm, growthInterval }: GradientNormSettings,
): void {
  const partialCount = Math.ceil(gradients.size / PIECE) * shaders.gradientNorm.overrides.WG;
  const partials = r.empty('E', [2 * partialCount], 'gradient norm').buffer;
  for (const { first, count, buffers } of flatRanges({ gradients }, r.device.maxBindingBytes)) {
    const groups = Math.ceil(count / PIECE);
    const params = { count, piece: PIECE, firstPiece: first / PIECE };
    r.dispatch(shaders.gradientNorm, { buffers: { ...buffers, partials }, params, grid: [groups, 1, 1] });
  }
  const params = { count: partialCount, maxNorm: maxNorm ?? LARGEST_F32, growthInterval };
  const buffers = { partials, report: report.buffer, scaling: scaling.buffer };
  r.dispatch(shaders.gradientNormFinish, { buffers, params, grid: [1, 1, 1] });
}
