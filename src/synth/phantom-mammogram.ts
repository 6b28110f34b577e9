import { createImage, type GrayImage } from '../data/image.js';
import { Random } from '../random.js';
import { type BreastOutline, drawOutline, type View } from './breast-outline.js';
import { addRidge, drawCurve } from './curves.js';
import { addQuantumNoise } from './quantum-noise.js';
import { type PowerLaw, powerLawTexture } from './texture.js';

export interface PhantomMammogramOptions {
  /** px */
  readonly width: number;
  readonly height: number;
  readonly pixelSpacingMm: number;
  readonly view: View;
}

/** One cell of the coarse texture, px; frequencies below a quarter cycle per cell come from it, those above from the fine one. */
const CELL = 16;
const SPLIT = 0.25 / CELL; // cycles per px
const COARSE_SIDE = 256; // cells: 4096 px
const FINE_SIDE = 512;
/** The breast gets thinner over this depth under the skin, mm; the skin itself is this thick. */
const ROUNDED_MM = 14;
const SKIN_MM = 1.6;

/**
 * A whole made-up mammogram without calcifications, chest wall at the left: power-law tissue that runs toward the nipple, dense lobes, skin line,
 * ligaments, vessels, in MLO the pectoral muscle, quantum noise, 12-bit levels; 0 outside the breast. For pictures and end-to-end tests.
 *
 * @returns display intensities 0..1
 */
export function phantomMammogram(seed: number, options: PhantomMammogramOptions): GrayImage {
  const random = new Random(seed, 0x6d6d67);
  const { width, height, pixelSpacingMm, view } = options;
  const outline = drawOutline(width * pixelSpacingMm, height * pixelSpacingMm, view, random);
  const image = shadeTissue(outline, options, random);
  addStrands(image, outline, pixelSpacingMm, random);
  const even = { ...createImage(1, 1), data: Float32Array.of(1) };
  addQuantumNoise(image, even, random.uniform(0.008, 0.015), random);
  forEachPixel(image, pixelSpacingMm, (i, x, y) => {
    if (outline.depth(x, y) < 0) image.data[i] = 0;
  });
  return image;
}

function shadeTissue(outline: BreastOutline, { width, height, pixelSpacingMm }: PhantomMammogramOptions, random: Random): GrayImage {
  const law = { exponent: random.uniform(2.7, 3.1), directionRad: outline.directionRad, anisotropy: 0.5 };
  const texture = twoScaleTexture(law, random);
  const lobes = twoScaleTexture({ ...law, exponent: 3.2 }, random);
  const fat = random.uniform(0.22, 0.32);
  const dense = random.uniform(0.12, 0.28);
  const share = random.uniform(-0.6, 0.6); // how far dense tissue reaches
  const image = createImage(width, height);
  forEachPixel(image, pixelSpacingMm, (i, x, y) => {
    const depth = outline.depth(x, y);
    if (depth < 0) return;
    const column = i % width;
    const row = (i - column) / width;
    const u = outline.towardNipple(x, y);
    // Glandular tissue lies in the middle and toward the nipple, fat under the skin and at the chest wall.
    const middle = 1.6 - 6 * (u - 0.55) ** 2 - 2.2 * Math.exp(-depth / 10);
    const gland = sigmoid(2.5 * (lobes(column, row) + middle + share - 0.7));
    const muscle = sigmoid(outline.pectoralDepth(x, y) / 0.8);
    const tissue = fat + dense * gland + (0.05 + 0.05 * gland) * texture(column, row);
    const behind = tissue + muscle * (0.22 + 0.3 * (0.35 - 0.5 * tissue));
    const thin = 1 - Math.max(0, 1 - depth / ROUNDED_MM);
    const thickness = 0.3 + 0.7 * Math.sqrt(thin * (2 - thin));
    image.data[i] = behind * thickness + 0.12 * sigmoid((SKIN_MM - depth) / 0.25) * sigmoid(depth / 0.15);
  });
  return image;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Value of a texture of about unit variance at a pixel: one spectrum in two bands, which a single tile of that size would be slow to make. */
function twoScaleTexture(law: PowerLaw, random: Random): (x: number, y: number) => number {
  const coarse = powerLawTexture(COARSE_SIDE, { ...law, band: [0, SPLIT * CELL] }, random);
  const fine = powerLawTexture(FINE_SIDE, { ...law, band: [SPLIT, 1] }, random);
  const lowest = 1 / (COARSE_SIDE * CELL);
  const fineShare = Math.sqrt(bandPower(law.exponent, SPLIT, 0.5) / bandPower(law.exponent, lowest, SPLIT));
  return (x, y) => bilinear(coarse, x / CELL, y / CELL) + fineShare * fine.data[(y % FINE_SIDE) * FINE_SIDE + (x % FINE_SIDE)]!;
}

/** Power between two frequencies of a 2-D spectrum 1/f^exponent: the integral of f^(1 - exponent), exponent > 2. */
function bandPower(exponent: number, low: number, high: number): number {
  return (low ** (2 - exponent) - high ** (2 - exponent)) / (exponent - 2);
}

/** In a periodic tile. */
function bilinear({ width, height, data }: GrayImage, x: number, y: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const fx = x - x0;
  const fy = y - y0;
  const at = (cx: number, cy: number): number => data[(cy % height) * width + (cx % width)]!;
  return (1 - fy) * ((1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0)) + fy * ((1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1));
}

/** Ligaments and vessels that run toward the nipple. */
function addStrands(image: GrayImage, outline: BreastOutline, pixelSpacingMm: number, random: Random): void {
  const areaCm2 = (image.width * image.height * pixelSpacingMm ** 2) / 100;
  for (let n = random.poisson(0.25 * areaCm2); n > 0; n--) {
    const x = random.uniform(0, image.width);
    const y = random.uniform(0, image.height);
    if (outline.depth(x * pixelSpacingMm, y * pixelSpacingMm) < 4) continue;
    const toNipple = Math.atan2(outline.nipple.y / pixelSpacingMm - y, outline.nipple.x / pixelSpacingMm - x);
    const isVessel = random.next() < 0.25;
    const lengthPx = random.uniform(10, isVessel ? 50 : 35) / pixelSpacingMm;
    const curve = drawCurve({ x, y }, toNipple + Math.PI + random.normal(0, 0.35), lengthPx, 0.0005 / pixelSpacingMm, random);
    const widthMm = isVessel ? random.uniform(0.8, 1.8) : random.uniform(0.25, 0.7);
    addRidge(image, curve, widthMm / pixelSpacingMm / 2.355, random.uniform(0.015, isVessel ? 0.05 : 0.07));
  }
}

/** Calls `each` with a pixel's index and its position, mm. */
function forEachPixel({ width, height }: GrayImage, pixelSpacingMm: number, each: (i: number, x: number, y: number) => void): void {
  for (let i = 0; i < width * height; i++) each(i, (i % width) * pixelSpacingMm, Math.floor(i / width) * pixelSpacingMm);
}
