import type { GrayImage } from '../data/image.js';
import type { Random } from '../random.js';

/** Luminance quantisation table of JPEG (ITU-T T.81, table K.1), row-major, at quality 50. */
// prettier-ignore
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61,
  12, 12, 14, 19, 26, 58, 60, 55,
  14, 13, 16, 24, 40, 57, 69, 56,
  14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77,
  24, 35, 55, 64, 81, 104, 113, 92,
  49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const SIDE = 8;

/** Orthonormal DCT-II: DCT[k * 8 + n]. */
const DCT = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
  const k = Math.floor(i / SIDE);
  return Math.sqrt((k === 0 ? 1 : 2) / SIDE) * Math.cos((Math.PI * (2 * (i % SIDE) + 1) * k) / (2 * SIDE));
});

/**
 * What JPEG does to an image, in place: the cosine coefficients of 8x8 blocks are rounded to multiples of the quality's table (libjpeg's
 * scaling, 1..100). The grid of blocks starts at a random pixel; the incomplete blocks at the border stay as they are.
 */
export function jpegQuantise(image: GrayImage, quality: number, random: Random): void {
  const scale = quality < 50 ? 50 / quality : 2 - quality / 50;
  const steps = LUMINANCE.map((q) => Math.min(255, Math.max(1, q * scale)) / 255);
  const block = new Float64Array(SIDE * SIDE);
  const half = new Float64Array(SIDE * SIDE);
  const firstX = random.int(SIDE);
  for (let y0 = random.int(SIDE); y0 + SIDE <= image.height; y0 += SIDE) {
    for (let x0 = firstX; x0 + SIDE <= image.width; x0 += SIDE) {
      for (let i = 0; i < block.length; i++) block[i] = image.data[(y0 + (i >> 3)) * image.width + x0 + (i & 7)]!;
      transform(block, half, false);
      for (let i = 0; i < block.length; i++) block[i] = Math.round(block[i]! / steps[i]!) * steps[i]!;
      transform(block, half, true);
      for (let i = 0; i < block.length; i++) image.data[(y0 + (i >> 3)) * image.width + x0 + (i & 7)] = block[i]!;
    }
  }
}

/** block = C block C^T, or C^T block C for the inverse; each pass transforms rows and transposes. */
function transform(block: Float64Array, half: Float64Array, inverse: boolean): void {
  transformRows(block, half, inverse);
  transformRows(half, block, inverse);
}

function transformRows(from: Float64Array, to: Float64Array, inverse: boolean): void {
  for (let r = 0; r < SIDE; r++) {
    for (let k = 0; k < SIDE; k++) {
      let sum = 0;
      for (let n = 0; n < SIDE; n++) sum += (inverse ? DCT[n * SIDE + k]! : DCT[k * SIDE + n]!) * from[r * SIDE + n]!;
      to[k * SIDE + r] = sum;
    }
  }
}
