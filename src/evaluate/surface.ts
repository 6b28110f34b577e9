import { RULES, type EvaluatedCase } from './case.js';
import type { Figure, FigureBook } from './figures.js';
import { chooseThreshold, curveOf } from './froc.js';
import { matchCases } from './object-figures.js';
import { sensitivityOf } from './operating.js';

/** Lower ends of the bands; each reaches to the next, the last is open. */
const DIAMETER_BANDS_MM = [0, 0.2, 0.3, 0.4, 0.6, 1] as const;
const CONTRAST_BANDS = [0, 0.04, 0.06, 0.1, 0.15, 0.22, 0.32] as const;
const RATE = 1;

/** Sensitivity of rule B by diameter and contrast of drawn microcalcifications: where a model begins to fail. */
export interface Surface {
  readonly falsePositivesPerImage: number;
  /** Gives that rate over all images. */
  readonly threshold: number;
  /** Those that hold a mark, by lower ends of diameter (mm) and contrast. */
  readonly cells: readonly SurfaceCell[];
}

export interface SurfaceCell {
  readonly diameterMm: number;
  readonly contrast: number;
  readonly marks: number;
  readonly sensitivity: Figure;
}

const bandOf = (value: number, bands: readonly number[]): number => bands.findLast((from) => value >= from) ?? NaN;

/** @returns null where no contrast is known, and where no threshold is strict enough for one false positive per image */
export function surface(book: FigureBook, every: readonly EvaluatedCase[]): (() => Surface) | null {
  const marked = every.filter(({ result }) => result.marks);
  if (!marked.some(({ result }) => result.marks?.some(({ contrast }) => contrast !== null))) return null;
  const matched = matchCases(marked, every, RULES[1]!);
  const total = matched.marks.reduce((a, b) => a + b, 0);
  const point = chooseThreshold(curveOf(matched.events, total, marked.length), RATE);
  if (!point) return null;
  const found = matched.events.filter(({ score }) => score >= point.threshold);
  const cells = DIAMETER_BANDS_MM.flatMap((diameterMm) => CONTRAST_BANDS.map((contrast) => ({ diameterMm, contrast }))).flatMap((band) => {
    const isIn = (image: number, mark: number): boolean => {
      const { diameterMm, contrast } = every[image]!.result.marks?.[mark] ?? { diameterMm: null, contrast: null };
      if (diameterMm === null || contrast === null) return false;
      return bandOf(diameterMm, DIAMETER_BANDS_MM) === band.diameterMm && bandOf(contrast, CONTRAST_BANDS) === band.contrast;
    };
    const counts = matched.marks.map((n, image) => Array.from({ length: n }, (_, mark) => mark).filter((mark) => isIn(image, mark)).length);
    const marks = counts.reduce((a, b) => a + b, 0);
    if (marks === 0) return [];
    const own = { ...matched, marks: counts, events: found.filter(({ image, mark }) => mark !== null && isIn(image, mark)) };
    const name = `surface: sensitivity, diameter ${band.diameterMm}, contrast ${band.contrast}`;
    return [{ ...band, marks, sensitivity: book.ask(name, (w) => sensitivityOf(own, w), 'no marks') }];
  });
  return () => ({
    falsePositivesPerImage: RATE,
    threshold: point.threshold,
    cells: cells.map((cell) => ({ ...cell, sensitivity: cell.sensitivity() })),
  });
}
