import type { GrayImage } from '../data/image.js';
import type { Footprint } from './footprint.js';

/**
 * Draws a calcification into an image, in place.
 *
 * A calcification takes away a part of the X-rays: I' = I (1 - c M), with the raw intensity I behind a display intensity D of
 * I = exp(-logRange D), since displays are logarithmic and show dense tissue bright. In display intensity that adds
 * -ln(1 - c M) / logRange, whatever lies there: the noise and texture under it are kept, and where M = 0 nothing changes by a bit.
 *
 * @param image display intensities; not limited to 1 here
 * @param contrast c, 0 <= c < 1
 */
export function insertFootprint(image: GrayImage, footprint: Footprint, contrast: number, logRange: number): void {
  forEachPixel(image, footprint, (i, m) => {
    image.data[i]! -= Math.log1p(-contrast * m) / logRange;
  });
}

/** Marks the pixels of `mask` (of the image's size) where the imaged thickness is at least `fraction` of its peak: one pixel or more. */
export function markFootprint(mask: Uint8Array, image: GrayImage, footprint: Footprint, fraction: number): void {
  forEachPixel(image, footprint, (i, m) => {
    if (m >= fraction) mask[i] = 1;
  });
}

function forEachPixel(image: GrayImage, footprint: Footprint, each: (i: number, m: number) => void): void {
  const { x0, y0, width, height, thickness } = footprint;
  for (let y = Math.max(0, -y0); y < Math.min(height, image.height - y0); y++) {
    for (let x = Math.max(0, -x0); x < Math.min(width, image.width - x0); x++) {
      const m = thickness[y * width + x]!;
      if (m > 0) each((y0 + y) * image.width + x0 + x, m);
    }
  }
}
