import type { GrayImage } from '../data/image.js';
import type { Random } from '../random.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A smooth curve as points one pixel apart: a walk whose heading drifts. */
export function drawCurve(start: Point, headingRad: number, lengthPx: number, turnPerPx: number, random: Random): Point[] {
  const points: Point[] = [];
  let { x, y } = start;
  let heading = headingRad;
  let turn = random.normal(0, turnPerPx);
  for (let i = 0; i < lengthPx; i++) {
    points.push({ x, y });
    x += Math.cos(heading);
    y += Math.sin(heading);
    turn = 0.95 * turn + random.normal(0, 0.3 * turnPerPx);
    heading += turn;
  }
  return points;
}

/** A curve that passes through a random point of the image, near to `directionRad`, as long as asked. */
export function curveThrough(image: GrayImage, directionRad: number, lengthPx: number, turnPerPx: number, random: Random): Point[] {
  const middle = { x: random.uniform(0, image.width), y: random.uniform(0, image.height) };
  const start = { x: middle.x - (lengthPx / 2) * Math.cos(directionRad), y: middle.y - (lengthPx / 2) * Math.sin(directionRad) };
  return drawCurve(start, directionRad, lengthPx, turnPerPx, random);
}

/** Adds a ridge of Gaussian cross-section along the points, in place; with `ends` 'fading' it comes and goes over four SD. */
export function addRidge(
  image: GrayImage,
  points: readonly Point[],
  sdPx: number,
  step: number,
  ends: 'fading' | 'round' = 'fading',
): void {
  const reach = Math.ceil(2.6 * sdPx);
  const box = boundingBox(image, points, reach);
  if (box.width <= 0 || box.height <= 0) return;
  const profile = new Float32Array(box.width * box.height); // largest height over all points: no beads where they crowd
  const stride = Math.max(1, Math.floor(sdPx / 2));
  for (let n = 0; n < points.length; n += stride) {
    const fade = ends === 'round' ? 1 : Math.min(1, (n + 1) / (4 * sdPx + 1), (points.length - n) / (4 * sdPx + 1));
    stampBump(profile, box, points[n]!, sdPx, reach, fade);
  }
  for (let y = 0; y < box.height; y++) {
    const row = (box.y0 + y) * image.width + box.x0;
    for (let x = 0; x < box.width; x++) image.data[row + x]! += step * profile[y * box.width + x]!;
  }
}

interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly width: number;
  readonly height: number;
}

function boundingBox(image: GrayImage, points: readonly Point[], reach: number): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const x0 = Math.max(0, Math.floor(left) - reach);
  const y0 = Math.max(0, Math.floor(top) - reach);
  const width = Math.min(image.width, Math.ceil(right) + reach + 1) - x0;
  const height = Math.min(image.height, Math.ceil(bottom) + reach + 1) - y0;
  return { x0, y0, width, height };
}

function stampBump(profile: Float32Array, box: Box, p: Point, sdPx: number, reach: number, height: number): void {
  const px = p.x - box.x0;
  const py = p.y - box.y0;
  for (let y = Math.max(0, Math.round(py) - reach); y <= Math.min(box.height - 1, Math.round(py) + reach); y++) {
    for (let x = Math.max(0, Math.round(px) - reach); x <= Math.min(box.width - 1, Math.round(px) + reach); x++) {
      const h = height * Math.exp((-0.5 * ((x - px) ** 2 + (y - py) ** 2)) / sdPx ** 2);
      const i = y * box.width + x;
      if (h > profile[i]!) profile[i] = h;
    }
  }
}
