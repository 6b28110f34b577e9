import { FigureBook, type Figure } from '../evaluate/figures.js';
import type { Localisation } from '../evaluate/localisation.js';
import { frocEvents, RULE_B_RADIUS_MM, ruleB } from '../evaluate/froc.js';
import { overlap, type Counts } from '../evaluate/metrics.js';
import { sensitivityAtRate } from '../evaluate/operating.js';
import { Ranking } from '../evaluate/ranking.js';
import type { PatchScores } from '../train/validation.js';

/** What a trained model does on the test samples, each with its 95 % interval over samples. */
export interface TestFigures {
  /** Of single calcifications, rule B (0.49 mm), at 0.5 and 1 false positives per sample. */
  readonly sensitivity: Figure;
  readonly sensitivityAt1: Figure;
  readonly aucPresent: Figure;
  readonly aucMalignant: Figure;
  readonly precision: Figure;
  readonly recall: Figure;
  readonly dice: Figure;
  /** Of the samples with MCs: mean share of the maps' sum that lies on them, and how often the highest point is one of them. */
  readonly energyOnMcs: Figure;
  readonly pointing: Figure;
}

const REPLICATES = 1000;

export function testFigures(results: readonly PatchScores[], pixelSpacingMm: number, seed: number): TestFigures {
  // Each sample is a draw of its own; backgrounds recur, which the interval does not know.
  const book = new FigureBook(
    results.map((_, i) => String(i)),
    { seed, replicates: REPLICATES },
  );
  const matched = {
    events: frocEvents(results, ruleB(RULE_B_RADIUS_MM / pixelSpacingMm)),
    marks: results.map(({ marks }) => marks.length),
    breastCm2: [],
  };
  const each = results.map(() => 1);
  const atRate = (rate: number) =>
    book.ask(`sensitivity at ${rate}`, (w) => sensitivityAtRate(matched, each, rate, w), 'no calcification in the test samples');
  const present = new Ranking(
    results.map((r) => r.mcScore),
    results.map((r) => (r.classIndex > 0 ? 1 : 0)),
  );
  const positive = results.flatMap((r, i) => (r.classIndex > 0 ? [{ ...r, owner: i }] : []));
  const malignant = new Ranking(
    positive.map((r) => r.malignancyScore),
    positive.map((r) => (r.classIndex === 2 ? 1 : 0)),
    positive.map((r) => r.owner),
  );
  const pixels = (name: 'precision' | 'recall' | 'dice') =>
    book.ask(name, (w) => overlap(weightedCounts(results, w))[name], 'no pixel to count');
  const meanOf = (name: string, value: (located: Localisation) => number) =>
    book.ask(name, (w) => weightedMean(results, w, value), 'no sample with calcifications and a map');
  const asked = {
    sensitivity: atRate(0.5),
    sensitivityAt1: atRate(1),
    aucPresent: book.ask('AUC present', (w) => present.auc(w), 'samples of one class only'),
    aucMalignant: book.ask('AUC malignant', (w) => malignant.auc(w), 'calcifications of one class only'),
    precision: pixels('precision'),
    recall: pixels('recall'),
    dice: pixels('dice'),
    energyOnMcs: meanOf('energy on MCs', ({ energy }) => energy),
    pointing: meanOf('pointing game', ({ pointed }) => (pointed ? 1 : 0)),
  };
  return Object.fromEntries(Object.entries(asked).map(([name, figure]) => [name, figure()])) as unknown as TestFigures;
}

/** Over the samples with calcifications; a map that is 0 everywhere has no share. */
function weightedMean(results: readonly PatchScores[], weights: Float64Array, value: (located: Localisation) => number): number {
  let [sum, count] = [0, 0];
  for (const [i, { located }] of results.entries()) {
    const v = located ? value(located) : NaN;
    if (Number.isNaN(v)) continue;
    sum += weights[i]! * v;
    count += weights[i]!;
  }
  return sum / count;
}

function weightedCounts(results: readonly PatchScores[], weights: Float64Array): Counts {
  const total = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const [i, { counts }] of results.entries())
    for (const key of ['tp', 'fp', 'fn', 'tn'] as const) total[key] += (weights[i] ?? 0) * counts[key];
  return total;
}
