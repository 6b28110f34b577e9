import { markedOf, sameForAll, type Thresholds } from '../detect/marking.js';
import { chooseThreshold, frocCurve, RULE_B_RADIUS_MM, ruleB, strictestPoint, type FrocImage } from '../evaluate/froc.js';

/** Most false positives per sample that findings may have which are marked wherever they lie, and with those in groups besides. */
export interface MarkingRates {
  readonly falsePositives: number;
  readonly groupFalsePositives: number;
}

/** What thresholds give on the samples that they were chosen on, by rule B. */
export interface MarkingPoint extends Thresholds {
  readonly sensitivity: number;
  readonly falsePositives: number;
}

/**
 * The thresholds of a model: the highest sensitivity of single findings at the one rate, then the lowest threshold in groups that keeps all
 * marks together within the other.
 * @returns null where nothing was found on the samples
 */
export function chooseThresholds(
  results: readonly FrocImage[],
  pixelSpacingMm: number,
  { falsePositives, groupFalsePositives }: MarkingRates,
): MarkingPoint | null {
  const froc = frocCurve(results, ruleB(RULE_B_RADIUS_MM / pixelSpacingMm));
  const point = chooseThreshold(froc, falsePositives) ?? strictestPoint(froc);
  if (!point) return null;
  const { threshold } = point;
  const at = (groupThreshold: number): MarkingPoint => markingPoint(results, pixelSpacingMm, { threshold, groupThreshold });
  const lower = froc.threshold.filter((t) => t < threshold);
  // More and more is marked from the first to the last: the last that keeps the rate is found by halving.
  let [kept, refused] = [-1, lower.length];
  while (refused - kept > 1) {
    const middle = (kept + refused) >> 1;
    if (at(lower[middle]!).falsePositives <= groupFalsePositives) kept = middle;
    else refused = middle;
  }
  if (kept < 0) return markingPoint(results, pixelSpacingMm, sameForAll(threshold));
  return at((lower[kept]! + (lower[kept + 1] ?? lower[kept]!)) / 2); // half way to the next score, as chooseThreshold
}

/** Sensitivity and false positives per sample of what is marked. */
export function markingPoint(results: readonly FrocImage[], pixelSpacingMm: number, thresholds: Thresholds): MarkingPoint {
  const match = ruleB(RULE_B_RADIUS_MM / pixelSpacingMm);
  const spacing = [pixelSpacingMm, pixelSpacingMm] as const;
  let [hits, falsePositives, marks] = [0, 0, 0];
  for (const image of results) {
    const isMarked = markedOf(image.detections, spacing, thresholds);
    const of = <T>(all: readonly T[]): T[] => all.filter((_, i) => isMarked[i]);
    const matches = match({ ...image, detections: of(image.detections) });
    const excused = of(image.detections.map((_, i) => image.excused?.[i] === true));
    hits += matches.filter(({ mark }) => mark !== null).length;
    falsePositives += matches.filter(({ mark }, i) => mark === null && !excused[i]).length;
    marks += image.marks.length;
  }
  return { ...thresholds, sensitivity: marks > 0 ? hits / marks : NaN, falsePositives: falsePositives / results.length };
}
