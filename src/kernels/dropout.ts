import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

export interface DropoutSettings {
  /** Of an element to be zeroed, in [0, 1). */
  readonly probability: number;
  /** Its first 32-bit word: random bits of this step. */
  readonly seed: Tensor;
  /** A number for every dropout of a program, so that their masks differ. */
  readonly layer: number;
}

/** Drops whole images of an NCHW map rather than elements. */
interface PerImage {
  readonly perImage?: boolean;
}

/** y = masked and scaled x; with dy for x and dx for y, the gradient. */
export function dropout(
  r: Recorder,
  x: Tensor,
  y: Tensor,
  { probability, seed, layer, perImage = false }: DropoutSettings & PerImage,
): void {
  const { images, plane } = planes(x);
  const settings = {
    plane,
    total: x.size / (images * plane),
    threshold: Math.round(probability * 2 ** 32),
    scale: 1 / (1 - probability),
    layer,
  };
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.dropout, {
      buffers: { ...buffers, seed: seed.buffer },
      params: { ...settings, firstChannel, ...views },
      overrides: { PER_IMAGE: Number(perImage) },
      grid: planeGrid(plane, channels, images, shaders.dropout.overrides.WG),
    });
  }
}
