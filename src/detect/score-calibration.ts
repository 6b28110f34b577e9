// From a peak of the network's map to the probability that a microcalcification is there.
import { sigmoid } from '../kernels/reference/logistic.js';
import type { ModelInfo } from '../model/model-file.js';
import { logisticLogit, type LogisticModel } from './logistic.js';

/** Next to 1 single-precision numbers are so far apart. */
const FLOAT_STEP = 2 ** -24;

/**
 * Platt scaling of the logarithm, so to speak, of the network's log odds: it is so sure of bright spots that odds of e^10 and e^60 both mean
 * "most of the time", and sinh^-1 is linear for small odds and logarithmic for large ones, of both signs. Strictly rising: the order
 * of findings stays.
 */
export function calibrationFeature(peak: number): number {
  const p = Math.min(1 - FLOAT_STEP, Math.max(FLOAT_STEP, peak));
  return Math.asinh(Math.log(p / (1 - p)));
}

/** What a model says of the scores of its findings; null where it is not calibrated. */
export function findingCalibration({ scores, findingScore }: Pick<ModelInfo, 'scores' | 'findingScore'>): LogisticModel | null {
  return scores?.finding ?? findingScore ?? null;
}

/** @param peak of the map, 0..1 */
export function calibratedScore(peak: number, calibration: LogisticModel): number {
  return sigmoid(logisticLogit(calibration, [calibrationFeature(peak)]));
}

/** The peak that has this score. */
export function uncalibratedScore(score: number, { bias, weights: [weight = 1] }: LogisticModel): number {
  if (score <= 0 || score >= 1) return score;
  return sigmoid(Math.sinh((Math.log(score / (1 - score)) - bias) / weight));
}
