import type { LesionClass } from '../data/classes.js';
import { findBasins, type Basins } from './candidates-basins.js';
import type { LogisticModel } from './logistic.js';
import { calibratedScore, uncalibratedScore } from './score-calibration.js';
import type { ProbabilityMaps } from './maps.js';

/** [x0, y0, x1, y1]: outer edges in pixel coordinates, so the box of the top-left pixel is [-0.5, -0.5, 0.5, 0.5]. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** A possible microcalcification on the working grid: x = column, y = row, centre of the top-left pixel = (0, 0). */
export interface Candidate {
  readonly x: number;
  readonly y: number;
  readonly box: Box;
  /** Diameter of the disc of the same area as the region, mm. */
  readonly diameterMm: number;
  /** Probability of any MC, 0 .. 1: the peak of the map, calibrated where the model says how. */
  readonly score: number;
  /** Share of the malignant-like probability in that of both classes over the region, 0 .. 1. */
  readonly malignancy: number;
  readonly class: LesionClass;
}

export interface CandidateOptions {
  /** Spacing of the working grid, whose pixels are square, mm. */
  readonly pixelSpacingMm: number;
  /** Candidates with a lower score are not listed. */
  readonly minScore: number;
  /** From the map's peaks to scores; without it they are the same. */
  readonly calibration?: LogisticModel | null | undefined;
  /** 1 = breast, on the working grid: nothing is found where it is 0. Without it the whole image counts. */
  readonly breast?: Uint8Array;
}

/** Candidates at most this far apart are one: less than the size of most MCs, more than a map's ripple. */
const SUPPRESS_MM = 0.3;
/** A region reaches at most this far from its peak, so that a flat map does not make one region of the whole breast. */
const REGION_RADIUS_MM = 1.5;
/** A second peak on the same object (within 1 mm) must stand out by a tenth of its height. */
const ABSORB_MM = 1;
const PROMINENCE = 0.1;

export const lesionClass = (malignancy: number): LesionClass => (malignancy >= 0.5 ? 'malignant-like' : 'benign-like');

/** Probability that a pixel belongs to an MC of either class, the classes taken as independent. */
const eitherClass = (b: number, m: number): number => Math.min(1, 1 - (1 - b) * (1 - m));

/** p on the bordered grid of {@link Basins}, 0 below `floor` and outside the breast. */
function borderedProbability(maps: ProbabilityMaps, floor: number, breast: Uint8Array | undefined): Float32Array {
  const { width, height, benignLike, malignantLike } = maps;
  const p = new Float32Array((width + 2) * (height + 2));
  for (let y = 0; y < height; y++) {
    for (let x = 0, i = y * width, at = (y + 1) * (width + 2) + 1; x < width; x++, i++, at++) {
      const value = eitherClass(benignLike[i] ?? 0, malignantLike[i] ?? 0);
      if (Number.isNaN(value)) throw new Error(`findCandidates: probability at (${x}, ${y}) is NaN, expected 0 .. 1.`);
      if (value >= floor && breast?.[i] !== 0) p[at] = value;
    }
  }
  return p;
}

/** Sums over the pixels of each basin that reach half of its peak and lie near it; one entry per basin number. */
interface Regions {
  readonly area: Int32Array;
  readonly benign: Float64Array;
  readonly malignant: Float64Array;
  /** Sums of the weight w = p - peak/2 (which fades out at the region's rim), of w*x and of w*y. */
  readonly weight: Float64Array;
  readonly weightX: Float64Array;
  readonly weightY: Float64Array;
  readonly x0: Int32Array;
  readonly y0: Int32Array;
  readonly x1: Int32Array;
  readonly y1: Int32Array;
}

function emptyRegions(count: number): Regions {
  const sums = (): Float64Array => new Float64Array(count);
  const edge = (from: number): Int32Array => new Int32Array(count).fill(from);
  const [area, x0, y0, x1, y1] = [edge(0), edge(2 ** 30), edge(2 ** 30), edge(-1), edge(-1)];
  return { area, benign: sums(), malignant: sums(), weight: sums(), weightX: sums(), weightY: sums(), x0, y0, x1, y1 };
}

function measureRegions(basins: Basins, maps: ProbabilityMaps, radiusPx: number): Regions {
  const { stride, p, label, peak, root } = basins;
  const r = emptyRegions(peak.length);
  for (let y = 0; y < maps.height; y++)
    for (let x = 0, i = (y + 1) * stride + 1; x < maps.width; x++, i++) {
      const l = root[label[i] ?? 0] ?? 0;
      if (l === 0) continue;
      const top = peak[l] ?? 0;
      const weight = (p[i] ?? 0) - (p[top] ?? 0) / 2;
      if (weight < 0) continue;
      const topRow = Math.floor(top / stride);
      const [dx, dy] = [x + 1 - (top - topRow * stride), y + 1 - topRow];
      if (dx * dx + dy * dy <= radiusPx * radiusPx) addPixel(r, l, x, y, weight, maps);
    }
  return r;
}

function addPixel(r: Regions, l: number, x: number, y: number, weight: number, maps: ProbabilityMaps): void {
  const i = y * maps.width + x;
  r.area[l] = (r.area[l] ?? 0) + 1;
  r.benign[l] = (r.benign[l] ?? 0) + (maps.benignLike[i] ?? 0);
  r.malignant[l] = (r.malignant[l] ?? 0) + (maps.malignantLike[i] ?? 0);
  r.weight[l] = (r.weight[l] ?? 0) + weight;
  r.weightX[l] = (r.weightX[l] ?? 0) + weight * x;
  r.weightY[l] = (r.weightY[l] ?? 0) + weight * y;
  if (x < (r.x0[l] ?? 0)) r.x0[l] = x;
  if (y < (r.y0[l] ?? 0)) r.y0[l] = y;
  if (x > (r.x1[l] ?? 0)) r.x1[l] = x;
  if (y > (r.y1[l] ?? 0)) r.y1[l] = y;
}

/** Centre of a region; of one that is bent around a place outside the breast, its peak instead. */
function centreOf(r: Regions, l: number, basins: Basins): [x: number, y: number] {
  const weight = r.weight[l] ?? 1;
  const x = (r.weightX[l] ?? 0) / weight;
  const y = (r.weightY[l] ?? 0) / weight;
  const { p, stride, peak } = basins;
  if ((p[(Math.round(y) + 1) * stride + Math.round(x) + 1] ?? 0) > 0) return [x, y];
  const top = peak[l] ?? 0;
  return [(top % stride) - 1, Math.floor(top / stride) - 1];
}

function candidateOf(r: Regions, l: number, basins: Basins, pixelSpacingMm: number): Candidate {
  const [x, y] = centreOf(r, l, basins);
  const malignant = r.malignant[l] ?? 0;
  const malignancy = malignant / (malignant + (r.benign[l] ?? 0));
  return {
    x,
    y,
    box: [(r.x0[l] ?? 0) - 0.5, (r.y0[l] ?? 0) - 0.5, (r.x1[l] ?? 0) + 0.5, (r.y1[l] ?? 0) + 0.5],
    diameterMm: 2 * Math.sqrt((r.area[l] ?? 0) / Math.PI) * pixelSpacingMm,
    score: basins.p[basins.peak[l] ?? 0] ?? 0,
    malignancy,
    class: lesionClass(malignancy),
  };
}

/** The order of every list of candidates: best score first, then from top to bottom, then from left to right. */
export function byScore(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.y - b.y || a.x - b.x;
}

/**
 * Non-maximum suppression: of two candidates at most `radiusPx` apart the better stays. Cells of one radius make it linear.
 * @param candidates in the order of {@link byScore}
 */
export function suppressNeighbours(candidates: readonly Candidate[], radiusPx: number): Candidate[] {
  const cell = Math.max(radiusPx, 1);
  const key = (cx: number, cy: number): number => cy * 67108864 + cx;
  const kept = new Map<number, Candidate[]>();
  const isFree = (c: Candidate, cx: number, cy: number): boolean => {
    for (let ny = cy - 1; ny <= cy + 1; ny++)
      for (let nx = cx - 1; nx <= cx + 1; nx++)
        if (kept.get(key(nx, ny))?.some((k) => (k.x - c.x) ** 2 + (k.y - c.y) ** 2 <= radiusPx ** 2)) return false;
    return true;
  };
  return candidates.filter((c) => {
    const cx = Math.floor(c.x / cell);
    const cy = Math.floor(c.y / cell);
    if (!isFree(c, cx, cy)) return false;
    const here = kept.get(key(cx, cy));
    if (here) here.push(c);
    else kept.set(key(cx, cy), [c]);
    return true;
  });
}

/**
 * Candidates of a whole mammogram: the peaks of p = 1 - (1 - benign)(1 - malignant) that stand out from their surroundings.
 * A peak's region is the part of its basin with p >= half of the peak, at most 1.5 mm from it; region gives centre, box,
 * diameter and malignancy, the peak the score (calibrated where options say how). No two candidates are within 0.3 mm. Linear in the number of pixels.
 * @returns best score first, then by y, then by x (working grid)
 */
export function findCandidates(maps: ProbabilityMaps, options: CandidateOptions): Candidate[] {
  const { pixelSpacingMm, minScore, calibration = null, breast } = options;
  if (!(minScore >= 0)) throw new RangeError(`findCandidates: minScore is ${minScore}, expected 0 .. 1.`);
  const leastPeak = calibration ? uncalibratedScore(minScore, calibration) : minScore;
  // Regions reach down to half of the lowest peak that counts.
  const p = borderedProbability(maps, leastPeak / 2, breast);
  const basins = findBasins(p, maps.width + 2, {
    suppressPx: SUPPRESS_MM / pixelSpacingMm,
    absorbPx: ABSORB_MM / pixelSpacingMm,
    prominence: PROMINENCE,
  });
  const regions = measureRegions(basins, maps, REGION_RADIUS_MM / pixelSpacingMm);
  const found: Candidate[] = [];
  for (let l = 1; l < basins.peak.length && (p[basins.peak[l] ?? 0] ?? 0) >= leastPeak; l++)
    if (basins.root[l] === l) found.push(candidateOf(regions, l, basins, pixelSpacingMm));
  const kept = suppressNeighbours(found.sort(byScore), SUPPRESS_MM / pixelSpacingMm);
  return calibration ? kept.map((c) => ({ ...c, score: calibratedScore(c.score, calibration) })) : kept;
}
