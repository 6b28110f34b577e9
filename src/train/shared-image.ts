// Background images that all worker threads read in place: decoded once, 1 or 2 bytes per pixel, in shared memory.
import { countBreast } from '../data/breast-coverage.js';
import { createImage, reflectIndex, type GrayImage } from '../data/image.js';
import type { IntensityDomain } from '../data/mammogram.js';
import type { CroppableImage } from '../synth/background.js';

export interface SharedImage {
  readonly width: number;
  readonly height: number;
  /** Display intensity 0..1, times 255 or 65535; row-major. */
  readonly levels: Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer>;
  /** Where the breast is: countBreast. */
  readonly breast: Int32Array<SharedArrayBuffer>;
  readonly domain: IntensityDomain;
}

/** Far below a 16-bit step, far above the rounding of a float. */
const SAME_LEVEL = 1e-5;

/**
 * Brings intensities (0..1; beyond is cut off) into shared memory: in 8 bits where that is exact, as for an 8-bit image that was
 * not resampled, else rounded to 16.
 *
 * @param breast 1 = breast, one value per pixel
 */
export function shareImage(image: GrayImage, breast: Uint8Array, domain: IntensityDomain = 'unknown'): SharedImage {
  const { width, height, data } = image;
  const isEightBit = data.every((v) => Math.abs(255 * v - Math.round(255 * v)) < 255 * SAME_LEVEL);
  const top = isEightBit ? 255 : 65535;
  const levels = isEightBit ? new Uint8Array(new SharedArrayBuffer(data.length)) : new Uint16Array(new SharedArrayBuffer(2 * data.length));
  for (let i = 0; i < data.length; i++) levels[i] = Math.round(Math.min(1, Math.max(0, data[i] ?? 0)) * top);
  const counts = countBreast(image, breast);
  const shared = new Int32Array(new SharedArrayBuffer(counts.byteLength));
  shared.set(counts);
  return { width, height, levels, breast: shared, domain };
}

/** The image as a source of crops, which are made of floats. */
export function croppable({ width, height, levels }: SharedImage): CroppableImage {
  const top = 2 ** (8 * levels.BYTES_PER_ELEMENT) - 1;
  return {
    width,
    height,
    crop(x0, y0, w, h) {
      const out = createImage(w, h);
      const columns = Int32Array.from({ length: w }, (_, x) => reflectIndex(x0 + x, width));
      for (let y = 0; y < h; y++) {
        const row = reflectIndex(y0 + y, height) * width;
        for (let x = 0; x < w; x++) out.data[y * w + x] = (levels[row + (columns[x] ?? 0)] ?? 0) / top;
      }
      return out;
    },
  };
}
