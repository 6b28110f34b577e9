import type { GrayImage } from './image.js';
import { createImage } from './image.js';

/** Length of an axis after resampling, px. */
export function resampledLength(length: number, scale: number): number {
  return Math.max(1, Math.round(length * scale));
}

/** For each output position the first input position and its weights (sum 1); every row of `weights` has `taps` entries. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly taps: number;
  readonly weights: Float64Array;
}

/**
 * Changes the pixel size: output pixel i covers input (i .. i + 1) / scale along each axis, so that the two grids share the
 * outer edge of the top-left pixel, and output centre c lies at input (c + 0.5) / scale - 0.5. An axis that shrinks is averaged
 * over the covered area (no calcification falls between samples), one that grows is interpolated linearly.
 * With both scales 1 the image itself is returned.
 *
 * @param scaleY output rows per input row
 * @param scaleX output columns per input column
 */
export function resample(image: GrayImage, scaleY: number, scaleX: number): GrayImage {
  for (const scale of [scaleY, scaleX]) {
    if (!(scale > 0 && Number.isFinite(scale))) throw new RangeError(`resample: scale ${scale}, expected a positive number.`);
  }
  const columns = scaleX === 1 ? image : resampleColumns(image, scaleX);
  return scaleY === 1 ? columns : resampleRows(columns, scaleY);
}

function resampleColumns(image: GrayImage, scale: number): GrayImage {
  const out = createImage(resampledLength(image.width, scale), image.height);
  const { first, taps, weights } = axisWeights(image.width, out.width, scale);
  for (let y = 0; y < out.height; y++) {
    const row = y * image.width;
    for (let x = 0; x < out.width; x++) {
      const from = row + first[x]!;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += weights[x * taps + k]! * image.data[from + k]!;
      out.data[y * out.width + x] = sum;
    }
  }
  return out;
}

function resampleRows(image: GrayImage, scale: number): GrayImage {
  const { width } = image;
  const out = createImage(width, resampledLength(image.height, scale));
  const { first, taps, weights } = axisWeights(image.height, out.height, scale);
  const sums = new Float64Array(width);
  for (let y = 0; y < out.height; y++) {
    sums.fill(0);
    for (let k = 0; k < taps; k++) {
      const weight = weights[y * taps + k]!;
      const from = (first[y]! + k) * width;
      if (weight !== 0) for (let x = 0; x < width; x++) sums[x]! += weight * image.data[from + x]!;
    }
    out.data.set(sums, y * width);
  }
  return out;
}

/** Positions are clamped to the input, so that first + taps never leaves it; unused taps weigh nothing. */
function axisWeights(inputLength: number, outputLength: number, scale: number): AxisWeights {
  const taps = Math.min(inputLength, scale < 1 ? Math.ceil(1 / scale) + 1 : 2);
  const first = new Int32Array(outputLength);
  const weights = new Float64Array(outputLength * taps);
  for (let i = 0; i < outputLength; i++) {
    const [start, end] = scale < 1 ? coveredArea(i, scale, inputLength) : tentAround(i, scale, inputLength);
    const at = Math.min(Math.floor(start), inputLength - taps);
    first[i] = at;
    for (let k = 0; k < taps; k++) {
      const overlap = Math.min(end, at + k + 1) - Math.max(start, at + k);
      weights[i * taps + k] = Math.max(0, overlap) / (end - start);
    }
  }
  return { first, taps, weights };
}

/** Interval of input edges that output pixel i covers; the last one may stick out by rounding and is cut. */
function coveredArea(i: number, scale: number, inputLength: number): [number, number] {
  const end = Math.min((i + 1) / scale, inputLength);
  return [Math.min(i / scale, end - 0.5), end];
}

/** Linear interpolation between pixel centres = the average over one input pixel's width around the output centre. */
function tentAround(i: number, scale: number, inputLength: number): [number, number] {
  const start = Math.min(Math.max((i + 0.5) / scale - 0.5, 0), inputLength - 1);
  return [start, start + 1];
}
