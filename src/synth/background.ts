import { createImage, cropReflect, type GrayImage } from '../data/image.js';
import type { IntensityDomain } from '../data/mammogram.js';
import type { Random } from '../random.js';

/** A part of an image, and what its intensities stand for where that is known. */
export interface Crop extends GrayImage {
  readonly domain?: IntensityDomain | undefined;
}

/** Where samples get their backgrounds from. */
export interface BackgroundSource {
  /** Real, unlabelled images: a bright spot in them may be a real calcification. */
  readonly unlabelled: boolean;
  /** Display intensities 0..1, size x size px, inside the breast. */
  crop(random: Random, size: number): Crop;
}

/** A square image flipped and turned by multiples of 90 degrees, one of the eight ways. */
export function turned(image: GrayImage, way: number): GrayImage {
  const { width: n, height, data } = image;
  if (n !== height) throw new RangeError(`turned: the image is ${n}x${height}, expected a square; crop it first.`);
  const out = createImage(n, n);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const flipped = way & 1 ? n - 1 - x : x;
      const fy = way & 2 ? n - 1 - y : y;
      out.data[y * n + x] = way & 4 ? data[flipped * n + fy]! : data[fy * n + flipped]!;
    }
  }
  return out;
}

/** Pixels that are not kept as floats, such as 8-bit ones in memory shared by threads. */
export interface CroppableImage {
  readonly width: number;
  readonly height: number;
  /** As cropReflect. */
  crop(x0: number, y0: number, width: number, height: number): GrayImage;
}

interface BreastImage {
  readonly image: GrayImage | CroppableImage;
  /** 1 = breast, one value per pixel; or what countBreast makes of it. */
  readonly breast: Uint8Array | BreastCounts;
  readonly domain?: IntensityDomain | undefined;
}

/** Least part of the crop that must be breast, and of how many places the best is taken. */
const LEAST_BREAST = 0.9;
const TRIES = 40;
/** Step between grey levels of an 8-bit image: noise of that width fills the gaps, or values between levels would betray insertions. */
const GREY_STEP = 1 / 255;

/**
 * Crops from real images at the working pixel spacing: an image at random, a place at random at least 90 % inside the breast (the
 * best of 40 places where a breast is too small for that), one of eight orientations.
 */
export function imageSource(images: readonly BreastImage[]): BackgroundSource {
  if (images.length === 0) throw new RangeError('imageSource: no images, expected at least one.');
  const indexed = images.map(({ image, breast, domain }) => ({
    image,
    domain,
    covered: coverage(image, breast instanceof Int32Array ? breast : countBreast(image, breast)),
  }));
  return {
    unlabelled: true,
    crop(random, size) {
      const { image, domain, covered } = random.pick(indexed);
      const { x, y } = placeInside(image, covered, size, random);
      const pixels = 'crop' in image ? image.crop(x, y, size, size) : cropReflect(image, x, y, size, size);
      const crop = turned(pixels, random.int(8));
      for (let i = 0; i < crop.data.length; i++) crop.data[i]! += GREY_STEP * (random.next() - 0.5);
      return { ...crop, domain };
    },
  };
}

/** Part of a window that is breast; the window's borders are rounded to blocks. */
type Coverage = (x: number, y: number, size: number) => number;

/** Side of the blocks in which breast is counted, px: a whole table per pixel would take as much memory as the image. */
const BLOCK = 8;

/** Breast pixels above and left of every block corner, row by row: any window's count from four of them. */
export type BreastCounts = Int32Array;

/** @param breast 1 = breast, one value per pixel */
export function countBreast({ width, height }: { width: number; height: number }, breast: Uint8Array): BreastCounts {
  const columns = Math.ceil(width / BLOCK);
  const rows = Math.ceil(height / BLOCK);
  const stride = columns + 1;
  const before = new Int32Array(stride * (rows + 1));
  for (let y = 0; y < height; y++) {
    const row = (Math.floor(y / BLOCK) + 1) * stride + 1;
    for (let x = 0; x < width; x++) before[row + Math.floor(x / BLOCK)]! += breast[y * width + x]!;
  }
  for (let i = stride; i < before.length; i++) if (i % stride > 0) before[i]! += before[i - 1]!;
  for (let i = stride; i < before.length; i++) before[i]! += before[i - stride]!;
  return before;
}

function coverage({ width, height }: { width: number; height: number }, before: BreastCounts): Coverage {
  const columns = Math.ceil(width / BLOCK);
  const rows = Math.ceil(height / BLOCK);
  const stride = columns + 1;
  return (x, y, size) => {
    const [left, top] = [Math.round(x / BLOCK), Math.round(y / BLOCK)];
    const right = Math.min(columns, Math.round((x + size) / BLOCK));
    const bottom = Math.min(rows, Math.round((y + size) / BLOCK));
    const at = (column: number, row: number): number => before[row * stride + column]!;
    const count = at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top);
    return count / ((right - left) * (bottom - top) * BLOCK * BLOCK || 1);
  };
}

function placeInside(
  { width, height }: { width: number; height: number },
  covered: Coverage,
  size: number,
  random: Random,
): { x: number; y: number } {
  let best = { x: 0, y: 0, part: -1 };
  for (let i = 0; i < TRIES && best.part < LEAST_BREAST; i++) {
    const x = random.int(Math.max(1, width - size + 1));
    const y = random.int(Math.max(1, height - size + 1));
    const part = covered(x, y, size);
    if (part > best.part) best = { x, y, part };
  }
  return best;
}
