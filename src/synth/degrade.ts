import { createImage, type GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { gaussianBlur } from './gaussian.js';
import { jpegQuantise } from './jpeg.js';
import type { DegradeConfig } from './priors.js';

/** Film grain is correlated over about this SD, px. */
const GRAIN_PX: readonly [number, number] = [0.5, 1];
/** Streams of steps that only some samples take: switching one off leaves the draws of the others as they are. */
const STREAM = { sharpen: 0, film: 1, raw: 2 } as const;

/** Blur and sharpening by the imaging system, each with a probability. */
export function degradeSharpness(image: GrayImage, degrade: DegradeConfig, random: Random): GrayImage {
  const blurred = random.next() < degrade.blurFraction ? gaussianBlur(image, random.uniform(...degrade.blurPx)) : image;
  const own = random.fork(STREAM.sharpen);
  if (own.next() >= degrade.sharpenFraction) return blurred;
  return sharpened(blurred, own.uniform(...degrade.sharpenPx), own.uniform(...degrade.sharpenAmount));
}

function sharpened(image: GrayImage, sdPx: number, amount: number): GrayImage {
  const smooth = gaussianBlur(image, sdPx).data;
  return { ...image, data: image.data.map((v, i) => v + amount * (v - smooth[i]!)) };
}

/**
 * What differs between machines, films and files: noise, characteristic curve, gamma, window, JPEG, grey levels. In place. Never turns
 * bright into dark.
 *
 * @param brightest display intensity of the background before anything was drawn into it: the window depends on nothing else
 */
export function degradeLevels(image: GrayImage, degrade: DegradeConfig, brightest: number, random: Random): void {
  const { data } = image;
  addNoise(image, degrade, random);
  const gamma = random.logUniform(...degrade.gamma);
  const gain = random.uniform(...degrade.gain);
  const offset = random.uniform(...degrade.offset);
  const film = filmCurve(degrade, random.fork(STREAM.film));
  const raw = rawWindow(degrade, random.fork(STREAM.raw));
  const scale = Math.min(gain, (1 - Math.max(0, offset)) / film(brightest + degrade.headroom) ** gamma);
  const tone = tabulated((v) => raw(offset + scale * film(v) ** gamma));
  for (let i = 0; i < data.length; i++) data[i] = tone(data[i]!);
  if (random.next() < degrade.jpegFraction) jpegQuantise(image, random.uniform(...degrade.jpegQuality), random);
  roundLevels(data, 2 ** random.pick(degrade.bits) - 1);
}

type Curve = (intensity: number) => number;

/** Display intensities beyond this, of metal in the densest tissue, are all the same. */
const BRIGHTEST = 2;
const INTERVALS = 4096;

/** A curve read from a table, linear between its entries; below 0 as at 0. Powers and exponentials of every pixel take several times as long. */
function tabulated(curve: Curve): Curve {
  const table = Float64Array.from({ length: INTERVALS + 2 }, (_, i) => curve((BRIGHTEST * i) / INTERVALS));
  return (v) => {
    const at = Math.min(INTERVALS, Math.max(0, (v * INTERVALS) / BRIGHTEST));
    const i = Math.floor(at);
    return table[i]! + (at - i) * (table[i + 1]! - table[i]!);
  };
}

/** The optical density of film over the logarithm of exposure (Hurter and Driffield): a sigmoid, here from 0 at 0 to 1 at 1. */
function filmCurve({ filmFraction, filmSlope, filmCentre }: DegradeConfig, random: Random): Curve {
  if (random.next() >= filmFraction) return (v) => v;
  const slope = random.uniform(...filmSlope);
  const centre = random.uniform(...filmCentre);
  const sigmoid: Curve = (v) => 1 / (1 + Math.exp(-slope * (v - centre)));
  const [low, high] = [sigmoid(0), sigmoid(1)];
  return (v) => (sigmoid(v) - low) / (high - low);
}

/** Raw readings span air to bone, so that tissue has only a part of the grey levels. */
function rawWindow({ rawFraction, rawRange }: DegradeConfig, random: Random): Curve {
  if (random.next() >= rawFraction) return (v) => v;
  const range = random.uniform(...rawRange);
  const start = random.uniform(0, 1 - range);
  return (v) => start + range * v;
}

/** SD of the noise that degradeLevels will add with the same draws, display intensity. */
export function addedNoiseSd({ noise }: DegradeConfig, random: Random): number {
  return random.logUniform(...noise);
}

function addNoise(image: GrayImage, degrade: DegradeConfig, random: Random): void {
  const sd = addedNoiseSd(degrade, random);
  const { grainFraction } = degrade;
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
