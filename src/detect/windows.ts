// Where a classifier looks at an image, and one map of the many that its windows give.
import { createImage, type GrayImage } from '../data/image.js';
import { regionOfInterest } from './tiles.js';

/** Top-left pixel of a window. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Square windows of `side` px, half a side apart, that together hold every pixel that counts; those that hold none are left out. They lie within
 * the image unless it is smaller than a window, which then begins at 0 and ends beyond it.
 * @param counts 1 = counts, [height, width]
 * @returns row by row, from left to right
 */
export function planWindows({ width, height }: Size, counts: Uint8Array, side: number): Place[] {
  const region = regionOfInterest({ width, height }, counts, 0, 1);
  if (!region) return [];
  const columns = startsAlong(region.x, region.x + region.width, width, side);
  const rows = startsAlong(region.y, region.y + region.height, height, side);
  return rows
    .flatMap((y) => columns.map((x) => ({ x, y })))
    .filter(({ x, y }) => {
      for (let v = y; v < Math.min(y + side, height); v++)
        if (counts.subarray(v * width + x, v * width + Math.min(x + side, width)).includes(1)) return true;
      return false;
    });
}

/** Of windows over [from, end) along an axis of so many pixels. */
function startsAlong(from: number, end: number, length: number, side: number): number[] {
  const step = side / 2;
  const count = 1 + Math.max(0, Math.ceil((end - from - side) / step));
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(from + i * step, length - side)));
}

/** Overlapping windows become one map: a mean at every pixel, in which a window weighs less towards its border and no seam is left. */
export class BlendedMap {
  private readonly sum: Float32Array;
  private readonly weight: Float32Array;
  private readonly taper: Float32Array;

  constructor(
    private readonly size: Size,
    private readonly side: number,
  ) {
    this.sum = new Float32Array(size.width * size.height);
    this.weight = new Float32Array(size.width * size.height);
    this.taper = Float32Array.from({ length: side }, (_, i) => Math.min(i + 1, side - i) / (side / 2));
  }

  /** @param values [side, side]; those beyond the image are dropped */
  add({ x, y }: Place, values: Float32Array, factor = 1): void {
    const { width, height } = this.size;
    for (let v = 0; v < Math.min(this.side, height - y); v++)
      for (let u = 0; u < Math.min(this.side, width - x); u++) {
        const at = (y + v) * width + x + u;
        const weight = this.taper[v]! * this.taper[u]!;
        this.sum[at]! += weight * factor * values[v * this.side + u]!;
        this.weight[at]! += weight;
      }
  }

  /** 0 where no window was. */
  image(): GrayImage {
    const image = createImage(this.size.width, this.size.height);
    for (let i = 0; i < image.data.length; i++) if (this.weight[i]! > 0) image.data[i] = this.sum[i]! / this.weight[i]!;
    return image;
  }
}
