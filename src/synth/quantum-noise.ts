import { createImage, type GrayImage } from '../data/image.js';
import type { Random } from '../random.js';

/** Share of a pixel's quantum noise that its neighbour sees on each side (light spread in the detector). */
const NOISE_SPREAD_TO_NEIGHBOUR = 0.08;
/** 12-bit detector. */
const LEVELS = 4095;

/**
 * Fewer X-rays pass dense tissue: in a logarithmic display the noise grows with brightness. In place; then rounded to 12 bits.
 *
 * @param noiseLevel periodic tile
 * @param sd at display intensity 0.5
 */
export function addQuantumNoise(image: GrayImage, noiseLevel: GrayImage, sd: number, random: Random): GrayImage {
  const { width, height, data } = image;
  const noise = createImage(width, height);
  for (let i = 0; i < noise.data.length; i++) noise.data[i] = random.normal();
  spreadToNeighbours(noise);
  const x0 = random.int(noiseLevel.width);
  const y0 = random.int(noiseLevel.height);
  for (let y = 0; y < height; y++) {
    const row = ((y0 + y) % noiseLevel.height) * noiseLevel.width;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const here = sd * noiseLevel.data[row + ((x0 + x) % noiseLevel.width)]! * (0.7 + 0.6 * data[i]!);
      data[i] = Math.round(Math.min(1, Math.max(0, data[i]! + here * noise.data[i]!)) * LEVELS) / LEVELS;
    }
  }
  return image;
}

/** A small blur over the four neighbours, scaled to keep the variance; the outermost pixels stay as they are. */
function spreadToNeighbours({ width, height, data }: GrayImage): void {
  const a = NOISE_SPREAD_TO_NEIGHBOUR;
  const centre = 1 - 4 * a;
  const scale = 1 / Math.hypot(centre, 2 * a);
  let above = data.slice(0, width);
  for (let y = 1; y < height - 1; y++) {
    const row = data.slice(y * width, (y + 1) * width); // as it was: data is overwritten below
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      data[i] = scale * (centre * row[x]! + a * (row[x - 1]! + row[x + 1]! + above[x]! + data[i + width]!));
    }
    above = row;
  }
}
