import type { GrayImage } from '../../src/data/image.js';
import { createImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';

/** Uniform noise in 0..1. */
export function noiseImage(width: number, height: number, seed = 1): GrayImage {
  const random = new Random(seed);
  const image = createImage(width, height);
  for (let i = 0; i < image.data.length; i++) image.data[i] = random.next();
  return image;
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (Number.isNaN(d)) return NaN;
    worst = Math.max(worst, d);
  }
  return worst;
}
