// Figures over labelled scores, classes and masks; conventions of scikit-learn (no intermediate point dropped).

/** Receiver operating characteristic; one point per distinct score, descending, after a first at +infinity (nothing called positive). */
export interface RocCurve {
  readonly threshold: number[];
  /** 1 - specificity and sensitivity at score >= threshold; NaN where there are no negatives or no positives. */
  readonly falsePositiveRate: number[];
  readonly truePositiveRate: number[];
}

/** Counts at one threshold. */
export interface Counts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

function checkLengths(scores: ArrayLike<number>, labels: ArrayLike<number>): void {
  if (scores.length !== labels.length) throw new RangeError(`${scores.length} scores but ${labels.length} labels, expected as many.`);
}

/** True and false positives at every distinct score, from the highest. */
function cumulate(scores: ArrayLike<number>, labels: ArrayLike<number>): { threshold: number; tp: number; fp: number }[] {
  checkLengths(scores, labels);
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const points: { threshold: number; tp: number; fp: number }[] = [];
  let [tp, fp] = [0, 0];
  for (const [k, i] of order.entries()) {
    if (labels[i] === 1) tp++;
    else fp++;
    const score = scores[i] ?? 0;
    if (scores[order[k + 1] ?? -1] !== score) points.push({ threshold: score, tp, fp });
  }
  return points;
}

/** @param labels 1 = positive, anything else negative */
export function rocCurve(scores: ArrayLike<number>, labels: ArrayLike<number>): RocCurve {
  const points = cumulate(scores, labels);
  const { tp: positives = 0, fp: negatives = 0 } = points.at(-1) ?? {};
  const all = [{ threshold: Infinity, tp: 0, fp: 0 }, ...points];
  return {
    threshold: all.map((p) => p.threshold),
    falsePositiveRate: all.map((p) => p.fp / negatives),
    truePositiveRate: all.map((p) => p.tp / positives),
  };
}

/** Area under the ROC curve = probability that a positive scores above a negative, ties half. NaN with only one class. */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const { falsePositiveRate: x, truePositiveRate: y } = rocCurve(scores, labels);
  let area = 0;
  for (let i = 1; i < x.length; i++) area += (((x[i] ?? 0) - (x[i - 1] ?? 0)) * ((y[i] ?? 0) + (y[i - 1] ?? 0))) / 2;
  return area;
}

/** Precision and recall by ascending threshold, one point per distinct score, and a last one (1, 0) without threshold. */
export interface PrCurve {
  readonly threshold: number[];
  readonly precision: number[];
  readonly recall: number[];
}

export function prCurve(scores: ArrayLike<number>, labels: ArrayLike<number>): PrCurve {
  const points = cumulate(scores, labels);
  const positives = points.at(-1)?.tp ?? 0;
  points.reverse();
  return {
    threshold: points.map((p) => p.threshold),
    precision: [...points.map((p) => p.tp / (p.tp + p.fp)), 1],
    recall: [...points.map((p) => p.tp / positives), 0],
  };
}

/** Average precision: precision summed over the steps of recall, without interpolation. */
export function averagePrecision(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const { precision, recall } = prCurve(scores, labels);
  let sum = 0;
  for (let i = 0; i + 1 < precision.length; i++) sum += ((recall[i] ?? 0) - (recall[i + 1] ?? 0)) * (precision[i] ?? 0);
  return sum;
}

/** Positive when score >= threshold. */
export function countsAt(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Counts {
  checkLengths(scores, labels);
  return countOverlap(
    Array.from(scores, (s) => (s >= threshold ? 1 : 0)),
    labels,
  );
}

/** Counts of a predicted against a true mask of the same size; 1 = inside, anything else outside. */
export function countOverlap(predicted: ArrayLike<number>, truth: ArrayLike<number>): Counts {
  checkLengths(predicted, truth);
  let [tp, fp, fn] = [0, 0, 0];
  for (let i = 0; i < predicted.length; i++) {
    if (predicted[i] === 1 && truth[i] === 1) tp++;
    else if (predicted[i] === 1) fp++;
    else if (truth[i] === 1) fn++;
  }
  return { tp, fp, fn, tn: predicted.length - tp - fp - fn };
}

/** Sum of counts: ratios of the sum weigh every pixel alike, the mean of ratios every image. */
export function poolCounts(counts: readonly Counts[]): Counts {
  return counts.reduce((sum, c) => ({ tp: sum.tp + c.tp, fp: sum.fp + c.fp, fn: sum.fn + c.fn, tn: sum.tn + c.tn }), {
    tp: 0,
    fp: 0,
    fn: 0,
    tn: 0,
  });
}

/** Without anything predicted or true, Dice and IoU are 1 (nothing was missed or made up), precision and recall 0. */
export interface Overlap {
  readonly precision: number;
  readonly recall: number;
  readonly dice: number;
  readonly iou: number;
}

const ratio = (part: number, whole: number, empty: number): number => (whole === 0 ? empty : part / whole);

export function overlap({ tp, fp, fn }: Counts): Overlap {
  return {
    precision: ratio(tp, tp + fp, 0),
    recall: ratio(tp, tp + fn, 0),
    dice: ratio(2 * tp, 2 * tp + fp + fn, 1),
    iou: ratio(tp, tp + fp + fn, 1),
  };
}

/** matrix[truth][predicted] over classes 0 .. classes - 1. */
export function confusionMatrix(truth: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number[][] {
  checkLengths(predicted, truth);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    const row = matrix[truth[i] ?? -1];
    const column = predicted[i] ?? -1;
    if (row?.[column] === undefined) throw new RangeError(`confusionMatrix: class ${truth[i]} or ${column}, expected 0 .. ${classes - 1}.`);
    row[column]++;
  }
  return matrix;
}

export interface ClassFigures {
  readonly accuracy: number;
  /** Mean recall over the classes that occur in the truth. */
  readonly balancedAccuracy: number;
  /** Mean F1 over the classes that occur in the truth or the predictions. */
  readonly macroF1: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

export function classFigures(matrix: readonly (readonly number[])[]): ClassFigures {
  const rowSum = matrix.map((row) => row.reduce((sum, n) => sum + n, 0));
  const columnSum = matrix.map((_, k) => matrix.reduce((sum, row) => sum + (row[k] ?? 0), 0));
  const classes = matrix.map((row, k) => ({ right: row[k] ?? 0, truth: rowSum[k] ?? 0, predicted: columnSum[k] ?? 0 }));
  const right = classes.reduce((sum, c) => sum + c.right, 0);
  return {
    accuracy: right / rowSum.reduce((sum, n) => sum + n, 0),
    balancedAccuracy: mean(classes.filter((c) => c.truth > 0).map((c) => c.right / c.truth)),
    macroF1: mean(classes.filter((c) => c.truth + c.predicted > 0).map((c) => (2 * c.right) / (c.truth + c.predicted))),
  };
}
