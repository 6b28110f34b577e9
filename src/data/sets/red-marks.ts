import { labelComponents } from '../components.js';
import type { Run, Shape } from '../shapes.js';

/** 8-bit RGB, row-major. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Red: a hue of 0 to 20 or 320 to 360 degrees (0-10 and 160-179 where 180 is the circle), clearly coloured and not black. */
const MAX_HUE = 20;
const MIN_HUE = 320;
const MIN_SATURATION = 0.4;
const MIN_VALUE = 0.3;
/** JPEG leaves single reddish pixels beside text and edges. */
const MIN_PIXELS = 2;

function isRed(r: number, g: number, b: number): boolean {
  const spread = r - Math.min(g, b);
  if (r < Math.max(g, b) || r < 255 * MIN_VALUE || spread < MIN_SATURATION * r) return false;
  const hue = (60 * (g - b)) / spread;
  return hue <= MAX_HUE && hue >= MIN_HUE - 360;
}

/**
 * Microcalcifications drawn in red over a copy of a mammogram, as in BMCD: each 8-connected red piece is one, what it encloses is part of it.
 * The copy may be larger or smaller than the mammogram.
 */
export function redMarks({ width, height, rgb }: RgbImage): Shape[] {
  const red = Uint8Array.from({ length: width * height }, (_, i) => (isRed(rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!) ? 1 : 0));
  const filled = fillEnclosed(red, width, height);
  const { of, pieces } = labelComponents(filled, width, height);
  const runs = pieces.map((): Run[] => []);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const piece = of[y * width + x]!;
      if (piece < 0) continue;
      const start = x;
      while (x + 1 < width && of[y * width + x + 1] === piece) x++;
      runs[piece]?.push([y, start, x]);
    }
  return runs
    .filter((_, i) => pieces[i]!.size >= MIN_PIXELS)
    .map((own) => ({ kind: 'runs', runs: own, mask: { width, height }, scale: [1, 1] }));
}

/** Fills what red outlines enclose; pieces of the background at the border are outside. */
function fillEnclosed(red: Uint8Array, width: number, height: number): Uint8Array {
  const background = labelComponents(
    red.map((v) => 1 - v),
    width,
    height,
  );
  return red.map((v, i) => (v === 1 || background.pieces[background.of[i]!]?.touchesBorder === false ? 1 : 0));
}
