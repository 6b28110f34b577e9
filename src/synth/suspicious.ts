import type { GrayImage } from '../data/image.js';
import { gaussianBlur } from './gaussian.js';
import type { SuspiciousConfig } from './priors.js';

/** Ratio of the wide to the narrow Gaussian; 1.6 comes closest to a Laplacian (Marr and Hildreth 1980). */
const DOG_RATIO = 1.6;
/** Ratio of the standard deviation to the median absolute deviation of a normal distribution. */
const SD_PER_MAD = 1.4826;

/**
 * Bright, round, small spots of an unlabelled image, which may be real calcifications: 1 in a disc around every local maximum of a difference
 * of Gaussians that stands out from the image's own responses and is curved in both directions (Hessian). One value per pixel.
 */
export function suspiciousSpots(image: GrayImage, pixelSpacingMm: number, config: SuspiciousConfig): Uint8Array {
  const { width, height } = image;
  const spots = new Uint8Array(width * height);
  const sdPx = Math.max(0.6, config.scaleMm / pixelSpacingMm);
  const response = differenceOfGaussians(image, sdPx);
  const least = config.threshold * robustSd(response.data);
  const radius = Math.ceil(config.radiusMm / pixelSpacingMm);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      if (response.data[i]! <= least || !isPeak(response, i) || roundness(response, i) < config.roundness) continue;
      markDisc(spots, image, x, y, radius);
    }
  }
  return spots;
}

function differenceOfGaussians(image: GrayImage, sdPx: number): GrayImage {
  const narrow = gaussianBlur(image, sdPx);
  const wide = gaussianBlur(image, DOG_RATIO * sdPx);
  for (let i = 0; i < narrow.data.length; i++) narrow.data[i]! -= wide.data[i]!;
  return narrow;
}

/** From every fourth value: neighbours say the same. */
function robustSd(values: Float32Array): number {
  const sorted = Float32Array.from({ length: Math.ceil(values.length / 4) }, (_, i) => Math.abs(values[4 * i]!)).sort();
  return SD_PER_MAD * sorted[sorted.length >> 1]!;
}

function isPeak({ width, data }: GrayImage, i: number): boolean {
  const v = data[i]!;
  for (const d of [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1]) if (data[i + d]! > v) return false;
  return true;
}

/** Ratio of the smaller to the larger downward curvature: 1 for a round spot, 0 for a line, below 0 for a saddle. */
function roundness({ width, data }: GrayImage, i: number): number {
  const xx = data[i - 1]! + data[i + 1]! - 2 * data[i]!;
  const yy = data[i - width]! + data[i + width]! - 2 * data[i]!;
  const xy = (data[i + width + 1]! + data[i - width - 1]! - data[i + width - 1]! - data[i - width + 1]!) / 4;
  const mean = (xx + yy) / 2;
  const apart = Math.hypot((xx - yy) / 2, xy);
  return mean < 0 ? (mean + apart) / (mean - apart) : -1;
}

function markDisc(mask: Uint8Array, { width, height }: GrayImage, cx: number, cy: number, radius: number): void {
  for (let y = Math.max(0, cy - radius); y <= Math.min(height - 1, cy + radius); y++) {
    for (let x = Math.max(0, cx - radius); x <= Math.min(width - 1, cx + radius); x++) {
      if ((x - cx) ** 2 + (y - cy) ** 2 <= radius * radius) mask[y * width + x] = 1;
    }
  }
}
