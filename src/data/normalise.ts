import { boxBlur } from './box-blur.js';
import type { GrayImage } from './image.js';

/** How display intensities (0..1) become the network's input; stored in every model, so that detection repeats training. */
export interface Normalisation {
  readonly kind: 'local-contrast';
  /** Side of each of the three boxes of the wide blur that is subtracted, mm. */
  readonly blurMm: number;
  /** Side of the square over which the local noise is measured, mm. */
  readonly noiseMm: number;
  /** Added to the local noise, display intensity (0..1): keeps quantisation steps of an empty background from being blown up. */
  readonly noiseFloor: number;
  /** Output is limited to +-clip, in units of the local noise. */
  readonly clip: number;
}

/**
 * Our choice (docs/method.md): the blur passes calcifications up to about 1 mm and takes away tissue shading; the floor is
 * one step of an 8-bit image. Together one output pixel looks 48 pixels of 0.1 mm far.
 */
export const DEFAULT_NORMALISATION: Normalisation = { kind: 'local-contrast', blurMm: 2, noiseMm: 3.6, noiseFloor: 1 / 255, clip: 10 };

/** Ratio of the standard deviation to the mean absolute deviation of a normal distribution. */
export const SD_PER_MEAN_ABSOLUTE = Math.sqrt(Math.PI / 2);

function radiusPx(sideMm: number, pixelSpacingMm: number): number {
  return Math.max(1, Math.round(sideMm / pixelSpacingMm / 2));
}

/** How far one output pixel looks, px: a crop with this much context on every side is normalised as within the whole image. */
export function normaliseMarginPx(n: Normalisation, pixelSpacingMm: number): number {
  return 3 * radiusPx(n.blurMm, pixelSpacingMm) + radiusPx(n.noiseMm, pixelSpacingMm);
}

/**
 * (I - wide blur) / (local noise + floor), limited to +-clip. Borders are reflected.
 *
 * The noise is the mean absolute deviation over the window, as a standard deviation: a few bright calcifications in the
 * window, the very thing to be found, raise it much less than they would raise a root mean square.
 *
 * @param image display intensities, 0..1
 * @param pixelSpacingMm of `image`, same in both directions
 */
export function normalise(image: GrayImage, pixelSpacingMm: number, n: Normalisation): GrayImage {
  const shading = boxBlur(image, radiusPx(n.blurMm, pixelSpacingMm), 3).data;
  const detail = new Float32Array(image.data.length);
  const magnitude = shading; // reuses the blur's memory: a whole mammogram takes 30-60 MB per map
  for (let i = 0; i < detail.length; i++) {
    const d = image.data[i]! - shading[i]!;
    detail[i] = d;
    magnitude[i] = Math.abs(d);
  }
  const { width, height } = image;
  const noise = boxBlur({ width, height, data: magnitude }, radiusPx(n.noiseMm, pixelSpacingMm), 1).data;
  for (let i = 0; i < detail.length; i++) {
    const z = detail[i]! / (SD_PER_MEAN_ABSOLUTE * noise[i]! + n.noiseFloor);
    detail[i] = Math.min(n.clip, Math.max(-n.clip, z));
  }
  return { width, height, data: detail };
}
