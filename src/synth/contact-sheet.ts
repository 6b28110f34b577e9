import type { GrayImage } from '../data/image.js';
import type { Sample } from './sample.js';

/** 8-bit RGB, row-major. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

type Rgb = readonly [red: number, green: number, blue: number];

/** One sample, and the same one without its calcifications. */
export interface SheetRow {
  readonly withMcs: Sample;
  readonly without: Sample;
}

const SCALE = 2;
const GAP = 4;
const ROWS_ABREAST = 2;
const ABREAST = 8;
const BETWEEN = 24;
const BACKDROP = 24;
const BENIGN_LIKE: Rgb = [80, 220, 120];
const MALIGNANT_LIKE: Rgb = [255, 80, 60];
const IGNORED: Rgb = [90, 150, 255];

/** Every sample three times, twice its size, in one grey window: without calcifications, with them, and with the masks outlined. */
export function contactSheet(rows: readonly SheetRow[]): Sheet {
  const side = (rows[0]?.withMcs.raw.width ?? 1) * SCALE;
  const width = ROWS_ABREAST * 3 * (side + GAP) + GAP;
  const height = Math.ceil(rows.length / ROWS_ABREAST) * (side + GAP) + GAP;
  const sheet = { width, height, rgb: new Uint8Array(3 * width * height).fill(BACKDROP) };
  for (const [n, { withMcs, without }] of rows.entries()) {
    const top = GAP + Math.floor(n / ROWS_ABREAST) * (side + GAP);
    const left = (k: number): number => GAP + ((n % ROWS_ABREAST) * 3 + k) * (side + GAP);
    const window = greyWindow(withMcs.raw);
    drawGrey(sheet, without.raw, left(0), top, greyWindow(without.raw));
    drawGrey(sheet, withMcs.raw, left(1), top, window);
    drawGrey(sheet, withMcs.raw, left(2), top, window);
    drawOutline(sheet, withMcs.ignore, withMcs.raw.width, left(2), top, IGNORED);
    drawOutline(sheet, withMcs.masks[0], withMcs.raw.width, left(2), top, BENIGN_LIKE);
    drawOutline(sheet, withMcs.masks[1], withMcs.raw.width, left(2), top, MALIGNANT_LIKE);
  }
  return sheet;
}

/** Two sets of square patches of one size, side by side, each in rows of eight and in its own grey window. */
export function comparisonSheet(left: readonly GrayImage[], right: readonly GrayImage[]): Sheet {
  const side = left[0]?.width ?? 1;
  const block = ABREAST * (side + GAP) + GAP;
  const height = Math.ceil(Math.max(left.length, right.length) / ABREAST) * (side + GAP) + GAP;
  const sheet = { width: 2 * block + BETWEEN, height, rgb: new Uint8Array(3 * (2 * block + BETWEEN) * height).fill(BACKDROP) };
  for (const [images, x0] of [
    [left, 0],
    [right, block + BETWEEN],
  ] as const) {
    for (const [n, image] of images.entries()) {
      const x = x0 + GAP + (n % ABREAST) * (side + GAP);
      drawGrey(sheet, image, x, GAP + Math.floor(n / ABREAST) * (side + GAP), greyWindow(image), 1);
    }
  }
  return sheet;
}

/** From the 0.5th to the 99.9th percentile. */
function greyWindow({ data }: GrayImage): readonly [low: number, high: number] {
  const sorted = Float32Array.from(data).sort();
  const low = sorted[Math.floor(0.005 * sorted.length)]!;
  return [low, Math.max(low + 1e-6, sorted[Math.floor(0.999 * sorted.length)]!)];
}

function drawGrey(sheet: Sheet, image: GrayImage, left: number, top: number, [low, high]: readonly [number, number], scale = SCALE): void {
  for (let y = 0; y < image.height * scale; y++) {
    for (let x = 0; x < image.width * scale; x++) {
      const v = image.data[Math.floor(y / scale) * image.width + Math.floor(x / scale)]!;
      const grey = Math.min(255, Math.max(0, (255 * (v - low)) / (high - low)));
      plot(sheet, left + x, top + y, [grey, grey, grey]);
    }
  }
}

/** The sheet's pixels outside the mask that touch it. */
function drawOutline(sheet: Sheet, mask: Uint8Array, width: number, left: number, top: number, colour: Rgb): void {
  const height = mask.length / width;
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width * SCALE && y < height * SCALE && mask[Math.floor(y / SCALE) * width + Math.floor(x / SCALE)] === 1;
  for (let y = 0; y < height * SCALE; y++) {
    for (let x = 0; x < width * SCALE; x++) {
      const touches = inside(x - 1, y) || inside(x + 1, y) || inside(x, y - 1) || inside(x, y + 1);
      if (touches && !inside(x, y)) plot(sheet, left + x, top + y, colour);
    }
  }
}

function plot(sheet: Sheet, x: number, y: number, colour: Rgb): void {
  sheet.rgb.set(colour, 3 * (y * sheet.width + x));
}
