import type { Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { tensorIn, type Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/** Levels that one dispatch binds. */
export const MOST_LEVELS = 5;
/** Elements to an offset that can be bound (256 bytes). */
const ALIGN = 64;

export interface MsSsimLevels {
  /** Means of every level, [N,C] each, finest first. */
  readonly means: readonly Tensor<'NC'>[];
  /** Exponent of every level. */
  readonly weights: readonly number[];
  /** Means below it count as it, and have no gradient. */
  readonly least: number;
}

/** loss = 1 - mean over planes of the product of max(means, least)^weights. */
export function msSsim(r: Recorder, levels: MsSsimLevels, loss: Tensor<''>): void {
  r.dispatch(shaders.msSsim, { buffers: { ...buffers(levels), loss: loss.buffer }, params: params(levels), grid: [1, 1, 1] });
}

/** The gradients by the means of every level. */
export function msSsimGrad(r: Recorder, levels: MsSsimLevels, dy: Tensor): Tensor<'NC'>[] {
  const { planes } = params(levels);
  const stride = Math.ceil(planes / ALIGN) * ALIGN;
  const all = r.empty('E', [levels.means.length * stride], 'MS-SSIM gradients').buffer;
  r.dispatch(shaders.msSsimGrad, {
    buffers: { ...buffers(levels), dy: dy.buffer, dv: all },
    params: { ...params(levels), stride },
    grid: [Math.ceil(planes / shaders.msSsimGrad.overrides.WG), 1, 1],
  });
  return levels.means.map((mean, l) => {
    const buffer = { storage: all.storage, offsetBytes: all.offsetBytes + 4 * l * stride, sizeBytes: 4 * planes };
    return tensorIn(buffer, 'NC', mean.shape, `MS-SSIM gradient ${l}`);
  });
}

function buffers({ means }: MsSsimLevels) {
  const v = (l: number): BufferRef => (means[l] ?? means[0]!).buffer;
  return { v0: v(0), v1: v(1), v2: v(2), v3: v(3), v4: v(4) };
}

function params({ means, weights, least }: MsSsimLevels) {
  const weight = (l: number): number => weights[l] ?? 0;
  return {
    planes: means[0]!.size,
    levels: means.length,
    least,
    weight0: weight(0),
    weight1: weight(1),
    weight2: weight(2),
    weight3: weight(3),
    weight4: weight(4),
  };
}
