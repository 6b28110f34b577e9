import type { GrayImage } from '../data/image.js';
import { resample } from '../data/resample.js';
import { eachTextPixel } from './overlay-font.js';

/** 8-bit RGB, row-major: `rgb[(y * width + x) * 3 + channel]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export type Colour = readonly [red: number, green: number, blue: number];

const TEXT_COLOUR: Colour = [230, 230, 230];

/** A black picture to paint on. */
export class Canvas implements Picture {
  readonly rgb: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.rgb = new Uint8Array(width * height * 3);
  }

  blend(x: number, y: number, colour: Colour, alpha: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height || alpha <= 0) return;
    const at = (y * this.width + x) * 3;
    for (let c = 0; c < 3; c++) {
      const below = this.rgb[at + c] ?? 0;
      this.rgb[at + c] = below + ((colour[c] ?? 0) - below) * Math.min(alpha, 1);
    }
  }

  rectangle(x: number, y: number, width: number, height: number, colour: Colour): void {
    for (let v = y; v < y + height; v++) for (let u = x; u < x + width; u++) this.blend(u, v, colour, 1);
  }

  /** Circle line of width `line`, smoothed over one pixel. */
  ring(x: number, y: number, radius: number, line: number, colour: Colour): void {
    const reach = radius + line;
    for (let v = Math.floor(y - reach); v <= y + reach + 1; v++)
      for (let u = Math.floor(x - reach); u <= x + reach + 1; u++)
        this.blend(u, v, colour, line / 2 + 0.5 - Math.abs(Math.hypot(u - x, v - y) - radius));
  }

  frame(x0: number, y0: number, x1: number, y1: number, line: number, colour: Colour): void {
    const [left, top, right, bottom] = [Math.round(x0), Math.round(y0), Math.round(x1), Math.round(y1)];
    this.rectangle(left, top, right - left, line, colour);
    this.rectangle(left, bottom - line, right - left, line, colour);
    this.rectangle(left, top, line, bottom - top, colour);
    this.rectangle(right - line, top, line, bottom - top, colour);
  }

  text(x: number, y: number, text: string, size: number): void {
    eachTextPixel(text, (u, v) => {
      this.rectangle(x + u * size, y + v * size, size, size, TEXT_COLOUR);
    });
  }
}

/** Magnification of the picture against the image: below 1 for large images, a whole number for small ones. */
export function magnification(image: GrayImage, maxSide: number): number {
  const side = Math.max(image.width, image.height);
  return side > maxSide ? maxSide / side : Math.max(1, Math.floor(maxSide / 4 / side));
}

export function paintImage(canvas: Canvas, image: GrayImage, zoom: number): void {
  const scaled = zoom < 1 ? resample(image, zoom, zoom) : image;
  const repeat = Math.max(1, zoom);
  for (let y = 0; y < scaled.height * repeat; y++)
    for (let x = 0; x < scaled.width * repeat; x++) {
      const value = scaled.data[Math.floor(y / repeat) * scaled.width + Math.floor(x / repeat)] ?? 0;
      const grey = Math.round(255 * Math.min(Math.max(value, 0), 1));
      canvas.rgb.fill(grey, (y * canvas.width + x) * 3, (y * canvas.width + x) * 3 + 3);
    }
}
