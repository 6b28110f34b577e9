import { brierScore, expectedCalibrationError, reliability, type ReliabilityBin } from './calibration.js';
import type { EvaluatedCase } from './case.js';
import { rounded, thinned, type Figure, type FigureBook } from './figures.js';
import { prCurve, rocCurve } from './metrics.js';
import type { Curve } from './object-figures.js';
import { Ranking } from './ranking.js';

/** How a score of whole images tells two classes apart. */
export interface ImageFigures {
  /** What is told from what by which score. */
  readonly question: string;
  readonly positives: number;
  readonly negatives: number;
  readonly auc: Figure;
  readonly averagePrecision: Figure;
  readonly calibration: { readonly expectedError: Figure; readonly brier: Figure; readonly bins: readonly ReliabilityBin[] };
  /** x = 1 - specificity, y = sensitivity; x = recall, y = precision. Empty with one class. */
  readonly roc: Curve;
  readonly precisionRecall: Curve;
}

/** One question put to all cases; null = the case has no part in it. */
export interface Question {
  readonly name: string;
  readonly text: string;
  readonly score: (one: EvaluatedCase) => number;
  readonly label: (one: EvaluatedCase) => boolean | null;
}

export const PRESENT: Question = {
  name: 'present',
  text: 'microcalcifications present or not, by mcScore',
  score: ({ result }) => result.mcScore,
  label: ({ image }) => image.hasMcs,
};

export const MALIGNANT: Question = {
  name: 'malignant',
  text: 'malignant or not among images with microcalcifications, by malignancyScore',
  score: ({ result }) => result.malignancyScore,
  label: ({ image }) => (image.hasMcs === false ? null : image.isMalignant),
};

/** Those whose benign verdict is not a biopsy are left out. */
export const MALIGNANT_BIOPSIED: Question = {
  ...MALIGNANT,
  name: 'malignant, biopsied only',
  text: 'malignant or not among biopsied images with microcalcifications, by malignancyScore',
  label: (one) => (one.image.groups.biopsied === 'yes' ? MALIGNANT.label(one) : null),
};

/** The cases that a question is about; owners = their places among all, where the weights are. */
export function answersOf(question: Question, every: readonly EvaluatedCase[]): { scores: number[]; labels: number[]; owners: number[] } {
  const own = every.flatMap((one, owner) => {
    const label = question.label(one);
    return label === null ? [] : [{ score: question.score(one), label: label ? 1 : 0, owner }];
  });
  return { scores: own.map((a) => a.score), labels: own.map((a) => a.label), owners: own.map((a) => a.owner) };
}

export const oneClass = ({ positives, negatives }: Ranking): string => `one class only: ${positives} positive, ${negatives} negative`;

export function imageFigures(book: FigureBook, question: Question, every: readonly EvaluatedCase[]): () => ImageFigures {
  const { scores, labels, owners } = answersOf(question, every);
  const ranking = new Ranking(scores, labels, owners);
  const { positives, negatives } = ranking;
  const both = positives > 0 && negatives > 0;
  const own = (weights: Float64Array): number[] => owners.map((i) => weights[i]!);
  const auc = book.ask(`${question.name}: AUC`, (w) => ranking.auc(w), oneClass(ranking));
  const precision = book.ask(`${question.name}: average precision`, (w) => (both ? ranking.averagePrecision(w) : NaN), oneClass(ranking));
  const error = book.ask(`${question.name}: calibration error`, (w) => expectedCalibrationError(scores, labels, own(w)), 'no labels');
  const brier = book.ask(`${question.name}: Brier score`, (w) => brierScore(scores, labels, own(w)), 'no labels');
  return () => ({
    question: question.text,
    positives,
    negatives,
    auc: auc(),
    averagePrecision: precision(),
    calibration: { expectedError: error(), brier: brier(), bins: reliability(scores, labels).map(roundBin) },
    roc: both ? rocPoints(scores, labels) : { x: [], y: [] },
    precisionRecall: both ? precisionRecallPoints(scores, labels) : { x: [], y: [] },
  });
}

const roundBin = (bin: ReliabilityBin): ReliabilityBin => ({
  ...bin,
  meanScore: rounded(bin.meanScore),
  positiveShare: rounded(bin.positiveShare),
});

function rocPoints(scores: readonly number[], labels: readonly number[]): Curve {
  const { falsePositiveRate, truePositiveRate } = rocCurve(scores, labels);
  const points = thinned(falsePositiveRate.map((x, i) => [x, truePositiveRate[i]!] as const));
  return { x: points.map(([x]) => rounded(x)), y: points.map(([, y]) => rounded(y)) };
}

function precisionRecallPoints(scores: readonly number[], labels: readonly number[]): Curve {
  const { precision, recall } = prCurve(scores, labels);
  const points = thinned(recall.map((x, i) => [x, precision[i]!] as const).reverse());
  return { x: points.map(([x]) => rounded(x)), y: points.map(([, y]) => rounded(y)) };
}

/** Mean AUC within the values of an attribute, over those that hold both classes: what a score tells beyond the attribute. */
export function aucWithin(book: FigureBook, question: Question, attribute: string, every: readonly EvaluatedCase[]): () => Figure {
  const values = [...new Set(every.flatMap(({ image }) => image.groups[attribute] ?? []))].sort();
  const rankings = values.map((value) => {
    const label: Question['label'] = (one) => (one.image.groups[attribute] === value ? question.label(one) : null);
    const { scores, labels, owners } = answersOf({ ...question, label }, every);
    return new Ranking(scores, labels, owners);
  });
  const statistic = (weights: Float64Array): number => {
    const defined = rankings.map((ranking) => ranking.auc(weights)).filter((auc) => !Number.isNaN(auc));
    return defined.reduce((sum, auc) => sum + auc, 0) / defined.length;
  };
  return book.ask(`${question.name}: mean AUC within ${attribute}`, statistic, 'no group holds both classes');
}
