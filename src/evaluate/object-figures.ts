import { frocImageOf, matchRule, type EvaluatedCase, type RuleDescription } from './case.js';
import { rounded, thinned, type Figure, type FigureBook, type Pending } from './figures.js';
import type { Thresholds } from '../detect/marking.js';
import { curveOf, frocEvents } from './froc.js';
import { rocCurve } from './metrics.js';
import {
  afrocRanking,
  afrocScores,
  falsePositiveRate,
  sensitivityAtRate,
  sensitivityOf,
  type AfrocScores,
  type MatchedImages,
} from './operating.js';

/** False positives per image and per cm2 of breast at which sensitivity is given. */
export const RATES_PER_IMAGE = [0.25, 0.5, 1, 2, 4] as const;
export const RATES_PER_CM2 = [0.1, 0.2, 0.4, 0.8] as const;
/** Bounds of mark diameters, mm. */
const SIZE_BOUNDS_MM = [0, 0.2, 0.3, 0.5, 1, Infinity] as const;

/** One rule's figures; curves have one point per threshold, thinned. */
export interface ObjectFigures {
  readonly rule: string;
  readonly radiusMm: number;
  readonly text: string;
  readonly perImage: readonly { readonly falsePositives: number; readonly sensitivity: Figure }[];
  readonly perCm2: readonly { readonly falsePositives: number; readonly sensitivity: Figure }[];
  /** Of the findings that are marked. */
  readonly atThreshold: Thresholds & {
    readonly sensitivity: Figure;
    readonly falsePositivesPerImage: Figure;
    readonly falsePositivesPerCm2: Figure;
  };
  readonly afroc: { readonly area: Figure; readonly images: string; readonly curve: Curve };
  readonly froc: Curve;
  readonly bySize: readonly {
    readonly fromMm: number;
    readonly toMm: number | null;
    readonly marks: number;
    readonly sensitivity: Figure;
  }[];
}

/** Points of a curve: x = false positives (rate or share), y = sensitivity. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** @param cases those whose microcalcifications are marked one by one @param every all cases: weights are theirs */
export function objectFigures(
  book: FigureBook,
  rule: RuleDescription,
  cases: readonly EvaluatedCase[],
  every: readonly EvaluatedCase[],
  thresholds: Thresholds,
): () => ObjectFigures {
  const matched = matchCases(cases, every, rule);
  const atThreshold = matchCases(cases, every, rule, thresholds);
  const perImage = every.map((one) => (one.result.marks ? 1 : 0));
  const atRates = (
    unit: string,
    rates: readonly number[],
    exposure: readonly number[],
  ): { falsePositives: number; sensitivity: Pending }[] =>
    rates.map((rate) => ({
      falsePositives: rate,
      sensitivity: book.ask(
        `${rule.name}: sensitivity at ${rate} FP/${unit}`,
        (w) => sensitivityAtRate(matched, exposure, rate, w),
        NO_MARKS,
      ),
    }));
  const [imageRates, areaRates] = [atRates('image', RATES_PER_IMAGE, perImage), atRates('cm2', RATES_PER_CM2, matched.breastCm2)];
  const ask = (name: string, statistic: (w: Float64Array) => number, reason: string): Pending =>
    book.ask(`${rule.name}: ${name}`, statistic, reason);
  const sensitivity = ask('sensitivity at the threshold', (w) => sensitivityOf(atThreshold, w), NO_MARKS);
  const falsePerImage = ask('FP/image at the threshold', (w) => falsePositiveRate(atThreshold, perImage, w), 'no images');
  const falsePerCm2 = ask('FP/cm2 at the threshold', (w) => falsePositiveRate(atThreshold, matched.breastCm2, w), 'no breast');
  const afroc = afrocScores(matched);
  const ranking = afrocRanking(afroc);
  const area = ask('AFROC area', (w) => ranking.auc(w), NO_MARKS);
  const bySize = sizeFigures(book, rule, atThreshold, every);
  const known = (rows: typeof imageRates): ObjectFigures['perImage'] => rows.map((row) => ({ ...row, sensitivity: row.sensitivity() }));
  return () => ({
    rule: rule.name,
    radiusMm: rule.radiusMm,
    text: rule.text,
    perImage: known(imageRates),
    perCm2: known(areaRates),
    atThreshold: {
      ...thresholds,
      sensitivity: sensitivity(),
      falsePositivesPerImage: falsePerImage(),
      falsePositivesPerCm2: falsePerCm2(),
    },
    afroc: { area: area(), images: afroc.normalImagesOnly ? 'without marks' : 'all, since each has marks', curve: afrocCurve(afroc) },
    froc: frocPoints(matched, cases.length),
    bySize: bySize(),
  });
}

const NO_MARKS = 'no microcalcification is marked';

/**
 * Matches every case; of those without marks of single objects nothing counts.
 * @param thresholds only the findings that these mark; default: all
 */
export function matchCases(
  cases: readonly EvaluatedCase[],
  every: readonly EvaluatedCase[],
  rule: RuleDescription,
  thresholds?: Thresholds,
): MatchedImages {
  const counted = new Set(cases);
  const none = { detections: [], marks: [] };
  const images = every.map((one) => (counted.has(one) ? frocImageOf(one.result, thresholds) : none));
  return {
    events: frocEvents(images, matchRule(rule.name)),
    marks: images.map((image) => image.marks.length),
    breastCm2: every.map((one) => (counted.has(one) ? one.result.breastCm2 : 0)),
  };
}

function frocPoints({ events, marks }: MatchedImages, images: number): Curve {
  const curve = curveOf(
    events,
    marks.reduce((a, b) => a + b, 0),
    images,
  );
  const points = thinned(curve.threshold.map((_, i) => [curve.fpPerImage[i]!, curve.sensitivity[i]!] as const));
  return { x: points.map(([x]) => rounded(x)), y: points.map(([, y]) => rounded(y)) };
}

/** Measured points only: the straight line to (1, 1) stands for marks and images that nothing was found on. */
function afrocCurve({ scores, labels }: AfrocScores): Curve {
  const { threshold, falsePositiveRate: x, truePositiveRate: y } = rocCurve(scores, labels);
  const points = thinned(threshold.flatMap((t, i) => (t > -Infinity ? [[x[i]!, y[i]!] as const] : [])));
  return { x: points.map(([a]) => rounded(a)), y: points.map(([, b]) => rounded(b)) };
}

function sizeFigures(
  book: FigureBook,
  rule: RuleDescription,
  matched: MatchedImages,
  every: readonly EvaluatedCase[],
): () => ObjectFigures['bySize'] {
  const bands = SIZE_BOUNDS_MM.slice(0, -1).map((fromMm, i) => {
    const toMm = SIZE_BOUNDS_MM[i + 1]!;
    const isIn = (image: number, mark: number): boolean => {
      const diameter = every[image]!.result.marks?.[mark]?.diameterMm ?? NaN;
      return diameter >= fromMm && diameter < toMm;
    };
    const marks = every.map((one, image) => (one.result.marks ?? []).filter((_, mark) => isIn(image, mark)).length);
    const events = matched.events.filter(({ image, mark }) => mark !== null && isIn(image, mark));
    const own = { ...matched, events, marks };
    const name = `${rule.name}: sensitivity at the threshold, ${fromMm} to ${toMm} mm`;
    const sensitivity = book.ask(name, (w) => sensitivityOf(own, w), 'no marks of this size');
    return { fromMm, toMm: toMm === Infinity ? null : toMm, marks: marks.reduce((a, b) => a + b, 0), sensitivity };
  });
  return () => bands.map((band) => ({ ...band, sensitivity: band.sensitivity() }));
}
