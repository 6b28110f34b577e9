/** Labelled scores, sorted once: areas under weighted curves, as a bootstrap needs thousands of, are then one pass each. */
export class Ranking {
  /** Descending by score; `last` = ends a run of equal scores. */
  private readonly cases: readonly { readonly owner: number; readonly isPositive: boolean; readonly last: boolean }[];
  readonly positives: number;
  readonly negatives: number;

  /**
   * @param labels 1 = positive, anything else negative
   * @param owners index of the weight that counts for each score; default: its own
   */
  constructor(scores: ArrayLike<number>, labels: ArrayLike<number>, owners?: ArrayLike<number>) {
    if (scores.length !== labels.length) throw new RangeError(`${scores.length} scores but ${labels.length} labels, expected as many.`);
    const order = Array.from(scores, (_, i) => i).sort((a, b) => compare(scores[b]!, scores[a]!));
    this.cases = order.map((i, k) => ({
      owner: owners?.[i] ?? i,
      isPositive: labels[i] === 1,
      last: k + 1 === order.length || scores[order[k + 1]!] !== scores[i],
    }));
    this.positives = this.cases.filter((c) => c.isPositive).length;
    this.negatives = this.cases.length - this.positives;
  }

  /** Area under the ROC curve, ties half; NaN with only one class. */
  auc(weights: ArrayLike<number>): number {
    let [tp, fp, tpBefore, fpBefore, area] = [0, 0, 0, 0, 0];
    for (const { owner, isPositive, last } of this.cases) {
      if (isPositive) tp += weights[owner]!;
      else fp += weights[owner]!;
      if (!last) continue;
      area += ((fp - fpBefore) * (tp + tpBefore)) / 2;
      [tpBefore, fpBefore] = [tp, fp];
    }
    return area / (tp * fp);
  }

  /** Average precision: precision summed over the steps of recall; NaN without positives. */
  averagePrecision(weights: ArrayLike<number>): number {
    let [tp, fp, tpBefore, sum] = [0, 0, 0, 0];
    for (const { owner, isPositive, last } of this.cases) {
      if (isPositive) tp += weights[owner]!;
      else fp += weights[owner]!;
      if (!last || tp === tpBefore) continue;
      sum += ((tp - tpBefore) * tp) / (tp + fp);
      tpBefore = tp;
    }
    return sum / tp;
  }
}

/** Infinities of one sign are equal: their difference is NaN. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
