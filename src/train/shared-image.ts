// Background images that all worker threads read in place: decoded once, 1 or 2 bytes per pixel, in shared memory.
import { createImage, reflectIndex, type GrayImage } from '../data/image.js';

export interface SharedImage {
  readonly width: number;
  readonly height: number;
  /** Display intensity 0..1, times 255 or 65535; row-major. */
  readonly levels: Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer>;
  /** 1 = breast. */
  readonly breast: Uint8Array<SharedArrayBuffer>;
}

/** Rounds intensities (0..1; beyond is cut off) to 8 or 16 bits in shared memory. 8 is exact for an 8-bit image that was not resampled. */
export function shareImage(image: GrayImage, breast: Uint8Array, bits: 8 | 16 = 16): SharedImage {
  const { width, height, data } = image;
  const top = 2 ** bits - 1;
  const buffer = new SharedArrayBuffer((data.length * bits) / 8);
  const levels = bits === 8 ? new Uint8Array(buffer) : new Uint16Array(buffer);
  for (const [i, value] of data.entries()) levels[i] = Math.round(Math.min(1, Math.max(0, value)) * top);
  const sharedBreast = new Uint8Array(new SharedArrayBuffer(breast.length));
  sharedBreast.set(breast);
  return { width, height, levels, breast: sharedBreast };
}

/** As cropReflect: the window whose top-left pixel is (x0, y0), reflected outside, as intensities 0..1. */
export function cropShared({ width, height, levels }: SharedImage, x0: number, y0: number, w: number, h: number): GrayImage {
  const top = 2 ** (8 * levels.BYTES_PER_ELEMENT) - 1;
  const out = createImage(w, h);
  const columns = Int32Array.from({ length: w }, (_, x) => reflectIndex(x0 + x, width));
  for (let y = 0; y < h; y++) {
    const row = reflectIndex(y0 + y, height) * width;
    for (let x = 0; x < w; x++) out.data[y * w + x] = (levels[row + (columns[x] ?? 0)] ?? 0) / top;
  }
  return out;
}
