// Objects of metal that lie in or on the breast: biopsy clips, and lead letters that mark side and view.
import type { GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { addRidge, type Point } from './curves.js';
import type { NegativesConfig } from './priors.js';

/** Half width of a clip's wire as an SD, mm, and of a letter's stroke as a part of its height. */
const WIRE_SD_MM = 0.12;
const STROKE_SD_PART = 0.045;
/** Strokes of letters and figures in a box one high and 0.6 wide, y down: corners of polylines. */
// prettier-ignore
const GLYPHS: Readonly<Record<string, readonly (readonly [x: number, y: number])[][]>> = {
  L: [[[0, 0], [0, 1], [0.6, 1]]],
  R: [[[0, 1], [0, 0], [0.5, 0.05], [0.6, 0.25], [0.5, 0.45], [0, 0.5]], [[0.3, 0.5], [0.6, 1]]],
  C: [[[0.6, 0.1], [0.3, 0], [0.05, 0.2], [0, 0.5], [0.05, 0.8], [0.3, 1], [0.6, 0.9]]],
  M: [[[0, 1], [0, 0], [0.3, 0.5], [0.6, 0], [0.6, 1]]],
  O: [[[0.3, 0], [0.05, 0.2], [0, 0.5], [0.05, 0.8], [0.3, 1], [0.55, 0.8], [0.6, 0.5], [0.55, 0.2], [0.3, 0]]],
  T: [[[0, 0], [0.6, 0]], [[0.3, 0], [0.3, 1]]],
  1: [[[0.15, 0.2], [0.35, 0], [0.35, 1]]],
  2: [[[0, 0.2], [0.3, 0], [0.6, 0.25], [0, 1], [0.6, 1]]],
  4: [[[0.5, 1], [0.5, 0], [0, 0.7], [0.6, 0.7]]],
  7: [[[0, 0], [0.6, 0], [0.2, 1]]],
};
/** Left to right, 0.85 heights apart. */
const TEXTS = ['L', 'R', 'CC', 'MLO', 'LCC', 'RCC', 'LMLO', 'RMLO', '1', '24', '17', 'ML', 'T2'];
const ADVANCE = 0.85;

/** A bent wire of 1.5-3.5 mm somewhere in the image: a ring, a bar, a hook or a wave. In place. */
export function addClip(image: GrayImage, { clipSizeMm, metalStep }: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const half = random.uniform(...clipSizeMm) / pixelSpacingMm / 2;
  const form = random.pick(CLIP_FORMS)(random);
  const along = Array.from({ length: Math.ceil(8 * half) }, (_, i) => form((2 * i) / Math.ceil(8 * half) - 1));
  const points = along.map(({ x, y }) => ({ x: half * x, y: half * y }));
  addRidge(image, placed(points, image, random), WIRE_SD_MM / pixelSpacingMm, random.uniform(...metalStep), 'round');
}

/** Wires as functions of t from -1 to 1, about one in size. */
const CLIP_FORMS: readonly ((random: Random) => (t: number) => Point)[] = [
  () => (t) => ({ x: Math.cos(Math.PI * t), y: Math.sin(Math.PI * t) }),
  () => (t) => ({ x: t, y: 0 }),
  (random) => {
    const opening = random.uniform(0.5, 0.8) * Math.PI;
    return (t) => ({ x: Math.cos(opening * t), y: Math.sin(opening * t) });
  },
  (random) => {
    const waves = random.uniform(2, 5);
    return (t) => ({ x: t, y: 0.35 * Math.sin(waves * t) });
  },
];

/** A few letters or figures, upright or turned. In place. */
export function addMarker(image: GrayImage, negatives: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const height = random.uniform(...negatives.markerHeightMm) / pixelSpacingMm;
  const step = random.uniform(...negatives.metalStep);
  const strokes = Array.from(random.pick(TEXTS)).flatMap((letter, n) =>
    (GLYPHS[letter] ?? []).map((corners) => corners.map(([x, y]) => ({ x: height * (x + ADVANCE * n), y: height * y }))),
  );
  const points = placed(strokes.flat(), image, random);
  let first = 0;
  for (const stroke of strokes) {
    const corners = points.slice(first, first + stroke.length);
    addRidge(image, joinedByLines(corners), Math.max(0.6, STROKE_SD_PART * height), step, 'round');
    first += stroke.length;
  }
}

/** Moved to a random place of the image and turned about it. */
function placed(points: readonly Point[], image: GrayImage, random: Random): Point[] {
  const [x0, y0] = [random.uniform(0, image.width), random.uniform(0, image.height)];
  const angle = random.uniform(0, 2 * Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return points.map(({ x, y }) => ({ x: x0 + cos * x - sin * y, y: y0 + sin * x + cos * y }));
}

/** Points at most one pixel apart from corner to corner. */
function joinedByLines(corners: readonly Point[]): Point[] {
  const points: Point[] = [];
  for (const [i, a] of corners.entries()) {
    const b = corners[i + 1] ?? a;
    const steps = Math.max(1, Math.ceil(Math.hypot(b.x - a.x, b.y - a.y)));
    for (let k = 0; k < steps; k++) points.push({ x: a.x + ((b.x - a.x) * k) / steps, y: a.y + ((b.y - a.y) * k) / steps });
  }
  return points;
}
