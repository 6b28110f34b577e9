// Difference-of-Gaussians blob detector: the classical baseline that the network has to beat, on the same preprocessed patches.
import { reflectIndex, type GrayImage } from '../data/image.js';
import { byScore, suppressNeighbours, type Candidate } from './candidates.js';

export interface DogSettings {
  /** Standard deviations of the inner Gaussian, mm; the strongest of the scales counts. */
  readonly sigmasMm: readonly number[];
  /** Outer over inner standard deviation; 1.6 comes closest to the Laplacian of a Gaussian. */
  readonly ratio: number;
  /**
   * What a response of a scale is measured in: the spread that white noise of unit SD would have, or the patch's own robust
   * spread (which also makes up for the coarse texture of dense tissue).
   */
  readonly unit: 'white-noise' | 'patch';
}

const SIGMAS_MM = [0.06, 0.085, 0.12, 0.17, 0.24, 0.34];
const SCALE_SETS = [...SIGMAS_MM.slice(0, 5).map((s) => [s]), ...[0, 1, 2].map((k) => SIGMAS_MM.slice(k, k + 3)), SIGMAS_MM];

/** Settings to choose from on validation patches: one scale or several; sigmas cover discs of 0.17 to 1 mm (2 sqrt(2) sigma). */
export const DOG_GRID: readonly DogSettings[] = SCALE_SETS.flatMap((sigmasMm) =>
  [1.6, 2.5].flatMap((ratio) => (['white-noise', 'patch'] as const).map((unit) => ({ sigmasMm, ratio, unit }))),
);

/** Candidates this close are one, as in the network's candidates. */
const SUPPRESS_MM = 0.3;
/** Response (in its unit) at which the score is 0.5. Any increasing function would give the same FROC. */
const HALF_SCORE = 4;
/** Median absolute deviation to standard deviation, for a normal distribution. */
const MAD_TO_SD = 1.4826;

function gaussian(sigmaPx: number): Float64Array {
  const radius = Math.ceil(4 * sigmaPx);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigmaPx ** 2)));
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map((k) => k / sum);
}

/** Convolution along one axis, reflected at the borders; result transposed, so that two calls blur both axes. */
function blurTransposed(data: Float32Array, width: number, height: number, kernel: Float64Array): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const out = new Float32Array(width * height);
  const line = new Float64Array(width + 2 * radius);
  const source = Int32Array.from({ length: line.length }, (_, i) => reflectIndex(i - radius, width));
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < line.length; i++) line[i] = data[y * width + (source[i] ?? 0)] ?? 0;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += (kernel[k] ?? 0) * (line[x + k] ?? 0);
      out[x * height + y] = sum;
    }
  }
  return out;
}

/** Standard deviation of a DoG's response to white noise of unit SD: the 2-norm of its kernel. */
function whiteNoiseSpread(inner: Float64Array, outer: Float64Array): number {
  const offset = (outer.length - inner.length) / 2;
  const dot = (a: Float64Array, b: Float64Array, shift: number): number => a.reduce((sum, v, i) => sum + v * (b[i + shift] ?? 0), 0);
  // |g x g - h x h|^2 of separable kernels = (g.g)^2 - 2 (g.h)^2 + (h.h)^2.
  return Math.sqrt(dot(inner, inner, 0) ** 2 - 2 * dot(inner, outer, offset) ** 2 + dot(outer, outer, 0) ** 2);
}

function median(values: Float32Array): number {
  return Float32Array.from(values).sort()[Math.floor(values.length / 2)] ?? 0;
}

/** Median absolute deviation of the values, scaled to a standard deviation; blobs are few and hardly move it. */
function robustSpread(values: Float32Array): number {
  const middle = median(values);
  return MAD_TO_SD * median(values.map((v) => Math.abs(v - middle)));
}

/** The detector on one patch. Blurs are kept, so that many settings can be tried at little cost. */
export class DogDetector {
  private readonly blurs = new Map<number, Float32Array>();

  /**
   * @param image normalised patch
   * @param pixelSpacingMm of its square pixels
   */
  constructor(
    private readonly image: GrayImage,
    private readonly pixelSpacingMm: number,
  ) {}

  /** Bright blobs, best first; all of one class and without malignancy: a DoG does not tell. */
  candidates(settings: DogSettings, minScore = 0.01): Candidate[] {
    const { width, height } = this.image;
    const { strongest, scale } = this.strongestResponse(settings);
    const found: Candidate[] = [];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const response = strongest[i] ?? 0;
        const score = response / (response + HALF_SCORE);
        if (response <= 0 || score < minScore || !isPeak(strongest, width, height, x, y)) continue;
        found.push(this.candidate(x, y, score, settings.sigmasMm[scale[i] ?? 0] ?? 0));
      }
    return suppressNeighbours(found.sort(byScore), SUPPRESS_MM / this.pixelSpacingMm);
  }

  private candidate(x: number, y: number, score: number, sigmaMm: number): Candidate {
    const diameterMm = 2 * Math.SQRT2 * sigmaMm;
    const r = Math.max(0.5, diameterMm / 2 / this.pixelSpacingMm);
    return { x, y, box: [x - r, y - r, x + r, y + r], diameterMm, score, malignancy: 0, class: 'benign-like' };
  }

  /** Largest response over the scales at each pixel, and which scale gave it. */
  private strongestResponse(settings: DogSettings): { strongest: Float32Array; scale: Uint8Array } {
    const strongest = new Float32Array(this.image.data.length).fill(-Infinity);
    const scale = new Uint8Array(strongest.length);
    for (const [k, sigma] of settings.sigmasMm.entries()) {
      const response = this.response(sigma, settings);
      for (let i = 0; i < response.length; i++) {
        if ((response[i] ?? 0) <= (strongest[i] ?? 0)) continue;
        strongest[i] = response[i] ?? 0;
        scale[i] = k;
      }
    }
    return { strongest, scale };
  }

  private response(sigmaMm: number, { ratio, unit }: DogSettings): Float32Array {
    const sigmaPx = sigmaMm / this.pixelSpacingMm;
    const outer = this.blur(sigmaPx * ratio);
    const difference = this.blur(sigmaPx).map((v, i) => v - (outer[i] ?? 0));
    const spread = unit === 'patch' ? robustSpread(difference) : whiteNoiseSpread(gaussian(sigmaPx), gaussian(sigmaPx * ratio));
    // A patch of one level has no spread and no blobs.
    return spread > 0 ? difference.map((v) => v / spread) : difference.fill(0);
  }

  private blur(sigmaPx: number): Float32Array {
    const known = this.blurs.get(sigmaPx);
    if (known) return known;
    const { width, height, data } = this.image;
    const kernel = gaussian(sigmaPx);
    const blurred = blurTransposed(blurTransposed(data, width, height, kernel), height, width, kernel);
    this.blurs.set(sigmaPx, blurred);
    return blurred;
  }
}

/** Not lower than its 8 neighbours; of equal ones the first in row-major order. */
function isPeak(map: Float32Array, width: number, height: number, x: number, y: number): boolean {
  const i = y * width + x;
  const here = map[i] ?? 0;
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
      const j = v * width + u;
      if ((map[j] ?? 0) > here || (map[j] === here && j < i)) return false;
    }
  return true;
}
