import { createImage, cropReflect, type GrayImage } from '../data/image.js';
import type { Random } from '../random.js';

/** Where samples get their backgrounds from. */
export interface BackgroundSource {
  /** Real, unlabelled images: a bright spot in them may be a real calcification. */
  readonly unlabelled: boolean;
  /** Display intensities 0..1, size x size px, inside the breast. */
  crop(random: Random, size: number): GrayImage;
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

interface BreastImage {
  readonly image: GrayImage;
  /** 1 = breast, one value per pixel. */
  readonly breast: Uint8Array;
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
  const indexed = images.map((i) => ({ image: i.image, count: countBefore(i) }));
  return {
    unlabelled: true,
    crop(random, size) {
      const { image, count } = random.pick(indexed);
      const { x, y } = placeInside(image, count, size, random);
      const crop = turned(cropReflect(image, x, y, size, size), random.int(8));
      for (let i = 0; i < crop.data.length; i++) crop.data[i]! += GREY_STEP * (random.next() - 0.5);
      return crop;
    },
  };
}

/** Breast pixels above and left of every pixel corner, (width + 1) x (height + 1): any window's count from four of them. */
function countBefore({ image: { width, height }, breast }: BreastImage): Int32Array {
  const count = new Int32Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += breast[y * width + x]!;
      count[(y + 1) * (width + 1) + x + 1] = count[y * (width + 1) + x + 1]! + row;
    }
  }
  return count;
}

function placeInside({ width, height }: GrayImage, count: Int32Array, size: number, random: Random): { x: number; y: number } {
  let best = { x: 0, y: 0, part: -1 };
  for (let i = 0; i < TRIES && best.part < LEAST_BREAST; i++) {
    const x = random.int(Math.max(1, width - size + 1));
    const y = random.int(Math.max(1, height - size + 1));
    const right = Math.min(width, x + size);
    const bottom = Math.min(height, y + size);
    const at = (cx: number, cy: number): number => count[cy * (width + 1) + cx]!;
    const part = (at(right, bottom) - at(x, bottom) - at(right, y) + at(x, y)) / ((right - x) * (bottom - y));
    if (part > best.part) best = { x, y, part };
  }
  return best;
}
