import { gaussianKernel } from './gaussian.js';
import type { Ellipsoid, Shape } from './shapes.js';

/** What one calcification looks like on the detector: a window of pixels with its imaged thickness relative to the peak. */
export interface Footprint {
  /** Top-left pixel of the window in the image; the window may reach outside it. */
  readonly x0: number;
  readonly y0: number;
  readonly width: number;
  readonly height: number;
  /** Imaged thickness, width x height values, peak exactly 1; exactly 0 where nothing of it arrives. */
  readonly thickness: Float64Array;
  /** Centre of mass, px of the image. */
  readonly x: number;
  readonly y: number;
  /** Of the circle of the same area as the projection before blur, mm. */
  readonly diameterMm: number;
}

/** Sub-pixels per pixel and direction: 25 um at 0.1 mm. */
const OVERSAMPLE = 4;
/** The blur's tail below this part of the peak is cut, so that the footprint ends. */
const TAIL = 2e-3;

export interface Projection {
  /** Position of the shape's origin, px. */
  readonly x: number;
  readonly y: number;
  readonly pixelSpacingMm: number;
  /** SD of the detector's point spread, mm. */
  readonly mtfMm: number;
}

/**
 * Projects a shape along the beam, averages over the pixels' areas (the detector's aperture) and blurs by its point spread.
 *
 * Gaps along the beam between parts of one calcification count as filled; its parts are drawn close.
 */
export function projectShape(shape: Shape, { x, y, pixelSpacingMm, mtfMm }: Projection): Footprint {
  const sub = pixelSpacingMm / OVERSAMPLE;
  const kernel = gaussianKernel(Math.hypot(mtfMm, shape.hazeMm) / pixelSpacingMm);
  const margin = (kernel.length - 1) / 2;
  const reachPx = Math.max(...shape.solids.map((s) => Math.hypot(s.x, s.y) + Math.max(s.a, s.b))) / pixelSpacingMm;
  const x0 = Math.floor(x - reachPx) - margin;
  const y0 = Math.floor(y - reachPx) - margin;
  const width = Math.ceil(x + reachPx) + margin - x0 + 1;
  const height = Math.ceil(y + reachPx) + margin - y0 + 1;
  // Centre of the top-left sub-pixel relative to the shape's origin, mm; pixel centres lie on whole numbers.
  const grid: Grid = {
    width: width * OVERSAMPLE,
    height: height * OVERSAMPLE,
    left: (x0 - 0.5 - x) * pixelSpacingMm + sub / 2,
    top: (y0 - 0.5 - y) * pixelSpacingMm + sub / 2,
    step: sub,
  };
  const fine = unionThickness(shape, grid);
  const area = fine.reduce((count, t) => count + (t > 0 ? 1 : 0), 0) * sub * sub;
  const pixels = blurWindow(averageBlocks(fine, width, height), width, height, kernel);
  const peak = pixels.reduce((a, b) => Math.max(a, b), 0);
  const thickness = pixels.map((t) => (t > TAIL * peak ? t / peak : 0));
  const centre = centreOfMass(thickness, width);
  return { x0, y0, width, height, thickness, x: x0 + centre.x, y: y0 + centre.y, diameterMm: 2 * Math.sqrt(area / Math.PI) };
}

interface Grid {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly step: number;
}

/** mm along the beam for every sub-pixel. */
function unionThickness(shape: Shape, grid: Grid): Float64Array {
  const top = new Float64Array(grid.width * grid.height).fill(-Infinity);
  const bottom = new Float64Array(top.length).fill(Infinity);
  for (const solid of shape.solids) {
    forEachSubPixel(solid, grid, (i, half) => {
      top[i] = Math.max(top[i]!, solid.z + half);
      bottom[i] = Math.min(bottom[i]!, solid.z - half);
    });
  }
  const thickness = top.map((t, i) => Math.max(0, t - bottom[i]!));
  if (shape.core) {
    const { ellipsoid, lack } = shape.core;
    forEachSubPixel(ellipsoid, grid, (i, half) => (thickness[i]! -= Math.min(thickness[i]!, 2 * half * lack)));
  }
  if (thickness.every((t) => t === 0)) thickness[nearestSubPixel(shape.solids[0]!, grid)] = 1; // smaller than a sub-pixel
  return thickness;
}

/** Calls `each` with the index of every sub-pixel that the ellipsoid covers, and half its thickness there, mm. */
function forEachSubPixel(e: Ellipsoid, grid: Grid, each: (i: number, half: number) => void): void {
  const reach = Math.max(e.a, e.b);
  const cos = Math.cos(e.angleRad);
  const sin = Math.sin(e.angleRad);
  const fromX = Math.max(0, Math.ceil((e.x - reach - grid.left) / grid.step));
  const toX = Math.min(grid.width - 1, Math.floor((e.x + reach - grid.left) / grid.step));
  const fromY = Math.max(0, Math.ceil((e.y - reach - grid.top) / grid.step));
  const toY = Math.min(grid.height - 1, Math.floor((e.y + reach - grid.top) / grid.step));
  for (let j = fromY; j <= toY; j++) {
    const dy = grid.top + j * grid.step - e.y;
    for (let i = fromX; i <= toX; i++) {
      const dx = grid.left + i * grid.step - e.x;
      const along = (dx * cos + dy * sin) / e.a;
      const across = (dy * cos - dx * sin) / e.b;
      const rest = 1 - along * along - across * across;
      if (rest > 0) each(j * grid.width + i, e.c * Math.sqrt(rest));
    }
  }
}

function nearestSubPixel(e: Ellipsoid, grid: Grid): number {
  return Math.round((e.y - grid.top) / grid.step) * grid.width + Math.round((e.x - grid.left) / grid.step);
}

function averageBlocks(fine: Float64Array, width: number, height: number): Float64Array {
  const out = new Float64Array(width * height);
  const fineWidth = width * OVERSAMPLE;
  for (let j = 0; j < height * OVERSAMPLE; j++) {
    const row = Math.floor(j / OVERSAMPLE) * width;
    for (let i = 0; i < fineWidth; i++) out[row + Math.floor(i / OVERSAMPLE)]! += fine[j * fineWidth + i]! / OVERSAMPLE ** 2;
  }
  return out;
}

/** Separable convolution; nothing lies outside the window. */
function blurWindow(values: Float64Array, width: number, height: number, kernel: Float64Array): Float64Array {
  const radius = (kernel.length - 1) / 2;
  const across = new Float64Array(values.length);
  const out = new Float64Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const v = values[y * width + x]!;
      if (v === 0) continue;
      for (let k = Math.max(-radius, -x); k <= Math.min(radius, width - 1 - x); k++) across[y * width + x + k]! += v * kernel[k + radius]!;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let k = Math.max(-radius, -y); k <= Math.min(radius, height - 1 - y); k++) {
      for (let x = 0; x < width; x++) out[(y + k) * width + x]! += across[y * width + x]! * kernel[k + radius]!;
    }
  }
  return out;
}

function centreOfMass(values: Float64Array, width: number): { x: number; y: number } {
  let [sum, sx, sy] = [0, 0, 0];
  for (const [i, v] of values.entries()) {
    sum += v;
    sx += v * (i % width);
    sy += v * Math.floor(i / width);
  }
  return { x: sx / sum, y: sy / sum };
}
