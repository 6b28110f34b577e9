import { countBreast, coverage, type BreastCounts, type Coverage } from '../data/breast-coverage.js';
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
    const part = covered(x, y, size, size);
    if (part > best.part) best = { x, y, part };
  }
  return best;
}
