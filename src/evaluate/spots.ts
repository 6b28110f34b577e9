// Bright spots that a plain detector finds, whatever they are: what generated and real images are compared by.
import type { GrayImage } from '../data/image.js';
import { DogDetector, type DogSettings } from '../detect/dog.js';

export interface Spot {
  /** Of the circle of the area at half height, mm. */
  readonly diameterMm: number;
  /** Height above the surroundings, in units of the image. */
  readonly height: number;
  /** To the nearest other spot, mm; null where there is none. */
  readonly nearestMm: number | null;
}

const SETTINGS: DogSettings = { sigmasMm: [0.085, 0.12, 0.17, 0.24, 0.34], ratio: 1.6, unit: 'patch' };
/** Score of a response of seven times the patch's own spread. */
const LEAST_SCORE = 7 / 11;
/** Surroundings: the square ring between these distances from the peak, mm. */
const RING_MM = [0.9, 1.3] as const;
/** Growing a spot from its peak ends here, mm: what is larger is no calcification. */
const MOST_REACH_MM = 1.5;
/** Spots lower than this are left to the noise, in units of the image. */
const LEAST_HEIGHT = 2.5;

/** @param image normalised: units of the local noise */
export function measureSpots(image: GrayImage, pixelSpacingMm: number): Spot[] {
  const found = new DogDetector(image, pixelSpacingMm)
    .candidates(SETTINGS, LEAST_SCORE)
    .map(({ x, y }) => ({ x, y, ...measureAt(image, x, y, pixelSpacingMm) }))
    .filter(({ height }) => height >= LEAST_HEIGHT);
  return found.map(({ x, y, diameterMm, height }) => {
    const others = found.map((o) => Math.hypot(o.x - x, o.y - y)).filter((d) => d > 0);
    return { diameterMm, height, nearestMm: others.length === 0 ? null : Math.min(...others) * pixelSpacingMm };
  });
}

function measureAt(image: GrayImage, x: number, y: number, pixelSpacingMm: number): { diameterMm: number; height: number } {
  const around = medianOfRing(image, x, y, pixelSpacingMm);
  const height = image.data[y * image.width + x]! - around;
  const area = areaAbove(image, x, y, around + height / 2, Math.round(MOST_REACH_MM / pixelSpacingMm));
  return { diameterMm: 2 * Math.sqrt(area / Math.PI) * pixelSpacingMm, height };
}

function medianOfRing({ width, height, data }: GrayImage, cx: number, cy: number, pixelSpacingMm: number): number {
  const [inner, outer] = [Math.round(RING_MM[0] / pixelSpacingMm), Math.round(RING_MM[1] / pixelSpacingMm)];
  const values: number[] = [];
  for (let y = Math.max(0, cy - outer); y <= Math.min(height - 1, cy + outer); y++) {
    for (let x = Math.max(0, cx - outer); x <= Math.min(width - 1, cx + outer); x++) {
      if (Math.max(Math.abs(x - cx), Math.abs(y - cy)) >= inner) values.push(data[y * width + x]!);
    }
  }
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Pixels above a level that are joined to the peak over their sides. */
function areaAbove({ width, height, data }: GrayImage, cx: number, cy: number, level: number, reach: number): number {
  const seen = new Set([cy * width + cx]);
  const queue = [...seen];
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (const [nx, ny] of [
      [x - 1, y],
      [x + 1, y],
      [x, y - 1],
      [x, y + 1],
    ] as const) {
      const j = ny * width + nx;
      const inside = nx >= 0 && ny >= 0 && nx < width && ny < height && Math.abs(nx - cx) <= reach && Math.abs(ny - cy) <= reach;
      if (!inside || seen.has(j) || data[j]! < level) continue;
      seen.add(j);
      queue.push(j);
    }
  }
  return seen.size;
}
