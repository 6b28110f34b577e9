/** One bin of a reliability diagram: scores from `from` up to, not including, `to` (the last bin includes 1). */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean score and share of positives; NaN in an empty bin. */
  readonly meanScore: number;
  readonly positiveShare: number;
}

export const CALIBRATION_BINS = 10;

/** @param scores probabilities, 0 .. 1 @param labels 1 = positive */
export function reliability(scores: ArrayLike<number>, labels: ArrayLike<number>, bins = CALIBRATION_BINS): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, score: 0, positive: 0 }));
  for (let i = 0; i < scores.length; i++) {
    const bin = sums[binOf(scores[i]!, bins)]!;
    bin.count++;
    bin.score += scores[i]!;
    if (labels[i] === 1) bin.positive++;
  }
  return sums.map(({ count, score, positive }, i) => ({
    from: i / bins,
    to: (i + 1) / bins,
    count,
    meanScore: score / count,
    positiveShare: positive / count,
  }));
}

const binOf = (score: number, bins: number): number => Math.min(bins - 1, Math.floor(score * bins));

/**
 * Expected calibration error over bins of equal width (Guo et al. 2017, arXiv:1706.04599): the mean distance of score and share of positives, each bin
 * counting as many times as it has cases.
 */
export function expectedCalibrationError(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  bins = CALIBRATION_BINS,
): number {
  const gaps = new Float64Array(bins);
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    gaps[binOf(scores[i]!, bins)]! += weights[i]! * (scores[i]! - (labels[i] === 1 ? 1 : 0));
    total += weights[i]!;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}

/** Mean squared distance of score and label. */
export function brierScore(scores: ArrayLike<number>, labels: ArrayLike<number>, weights: ArrayLike<number>): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    sum += weights[i]! * (scores[i]! - (labels[i] === 1 ? 1 : 0)) ** 2;
    total += weights[i]!;
  }
  return sum / total;
}
