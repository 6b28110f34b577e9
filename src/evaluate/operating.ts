// Free-response figures of images that count several times, as in a bootstrap. Events are those of frocEvents, best first.
import type { FrocEvent } from './froc.js';
import { Ranking } from './ranking.js';

/** All images of a set after matching by one rule. */
export interface MatchedImages {
  /** Best first. */
  readonly events: readonly FrocEvent[];
  /** Number of marks of each image. */
  readonly marks: readonly number[];
  /** Area of the breast on each image, cm2. */
  readonly breastCm2: readonly number[];
}

const weightedSum = (weights: ArrayLike<number>, values: readonly number[]): number =>
  values.reduce((sum, value, i) => sum + weights[i]! * value, 0);

/**
 * Sensitivity at the lowest threshold with at most `rate` false positives per unit of `exposure` (1 per image, or its cm2); 0 where no threshold is
 * that strict, NaN without marks.
 */
export function sensitivityAtRate(
  { events, marks }: MatchedImages,
  exposure: readonly number[],
  rate: number,
  weights: Float64Array,
): number {
  const allowed = rate * weightedSum(weights, exposure) * (1 + 1e-12); // a rate that is met exactly counts
  let [hits, falsePositives, best] = [0, 0, 0];
  for (let i = 0; i < events.length && falsePositives <= allowed; i++) {
    const { score, image, mark } = events[i]!;
    if (mark === null) falsePositives += weights[image]!;
    else hits += weights[image]!;
    if (events[i + 1]?.score !== score && falsePositives <= allowed) best = hits;
  }
  return best / weightedSum(weights, marks);
}

/** Found marks / all marks; NaN without marks. */
export function sensitivityOf({ events, marks }: MatchedImages, weights: Float64Array): number {
  return countEvents(events, weights, true) / weightedSum(weights, marks);
}

/** False positives per unit of `exposure`. */
export function falsePositiveRate({ events }: MatchedImages, exposure: readonly number[], weights: Float64Array): number {
  return countEvents(events, weights, false) / weightedSum(weights, exposure);
}

function countEvents(events: readonly FrocEvent[], weights: Float64Array, hits: boolean): number {
  return events.reduce((count, { image, mark }) => ((mark !== null) === hits ? count + weights[image]! : count), 0);
}

/**
 * The alternative FROC (Chakraborty and Winter 1990, doi:10.1148/radiology.174.3.2305073): sensitivity against the share of images with any false positive. A
 * mark scores what found it, an image its highest false positive, either -Infinity where there is none; the area under the curve,
 * continued straight to (1, 1), is then that of an ordinary ROC curve.
 */
export interface AfrocScores {
  /** One entry per mark (label 1) and per counted image (label 0). */
  readonly scores: number[];
  readonly labels: number[];
  readonly owners: number[];
  /** True: only images without marks count for the false positives (AFROC); false: all do, since all have marks (AFROC1). */
  readonly normalImagesOnly: boolean;
}

export function afrocScores({ events, marks }: MatchedImages): AfrocScores {
  const normalImagesOnly = marks.includes(0);
  const found = marks.map((count) => new Array<number>(count).fill(-Infinity));
  const worst = marks.map(() => -Infinity);
  for (const { score, image, mark } of events) {
    if (mark !== null) found[image]![mark] = score;
    else worst[image] = Math.max(worst[image]!, score);
  }
  const counted = worst.flatMap((score, image) => (normalImagesOnly && marks[image] !== 0 ? [] : [{ score, image }]));
  const lesions = found.flatMap((scores, image) => scores.map((score) => ({ score, image })));
  const all = [...lesions, ...counted];
  return {
    scores: all.map(({ score }) => score),
    labels: all.map((_, i) => (i < lesions.length ? 1 : 0)),
    owners: all.map(({ image }) => image),
    normalImagesOnly,
  };
}

export function afrocRanking({ scores, labels, owners }: AfrocScores): Ranking {
  return new Ranking(scores, labels, owners);
}
