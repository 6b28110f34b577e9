import { createImage, type GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { gaussianBlur } from './gaussian.js';
import { jpegQuantise } from './jpeg.js';
import type { DegradeConfig } from './priors.js';

/** Film grain is correlated over about this SD, px. */
const GRAIN_PX: readonly [number, number] = [0.5, 1];

/** Extra blur of the imaging system, with a probability. */
export function degradeSharpness(image: GrayImage, { blurFraction, blurPx }: DegradeConfig, random: Random): GrayImage {
  return random.next() < blurFraction ? gaussianBlur(image, random.uniform(...blurPx)) : image;
}

/**
 * What differs between machines, films and files: noise, gamma, window, JPEG, grey levels. In place. Never turns bright into dark. The
 * window leaves the brightest pixel below 1, so that nothing is cut off.
 */
export function degradeLevels(image: GrayImage, degrade: DegradeConfig, random: Random): void {
  const { data } = image;
  addNoise(image, degrade, random);
  const gamma = random.logUniform(...degrade.gamma);
  const gain = random.uniform(...degrade.gain);
  const offset = random.uniform(...degrade.offset);
  const brightest = data.reduce((a, b) => Math.max(a, b), 0);
  const scale = Math.min(gain, (1 - Math.max(0, offset)) / (brightest ** gamma || 1));
  for (let i = 0; i < data.length; i++) data[i] = offset + scale * Math.max(0, data[i]!) ** gamma;
  if (random.next() < degrade.jpegFraction) jpegQuantise(image, random.uniform(...degrade.jpegQuality), random);
  roundLevels(data, 2 ** random.pick(degrade.bits) - 1);
}

function addNoise(image: GrayImage, { noise, grainFraction }: DegradeConfig, random: Random): void {
  const sd = random.logUniform(...noise);
  const grain = random.next() < grainFraction;
  const white = createImage(image.width, image.height);
  for (let i = 0; i < white.data.length; i++) white.data[i] = random.normal();
  const grainPx = random.uniform(...GRAIN_PX);
  // Blurring white noise by a Gaussian of SD s px leaves 1 / (2 sqrt(pi) s) of its SD.
  const { data } = grain ? gaussianBlur(white, grainPx) : white;
  const scale = grain ? sd * 2 * Math.sqrt(Math.PI) * grainPx : sd;
  for (let i = 0; i < data.length; i++) image.data[i]! += scale * data[i]!;
}

function roundLevels(data: Float32Array, levels: number): void {
  for (let i = 0; i < data.length; i++) data[i] = Math.round(Math.min(1, Math.max(0, data[i]!)) * levels) / levels;
}
