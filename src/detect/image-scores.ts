// The scores of a whole image from what was found in it, and how they are kept in a model. The class heads alone see every pixel of an image the same way and miss what
// readers go by: how many calcifications lie how close. Measured on CBIS-DDSM crops (docs/results.md).
import { sigmoid } from '../kernels/reference/logistic.js';
import type { Evidence } from './evidence.js';
import { logisticLogit, type LogisticModel } from './logistic.js';
import { imageScores, type ImageScores } from './score.js';

/** Fitted on drawn calcifications (src/train/calibrate.ts); stands in the model file. */
export interface ScoreModel {
  /** P(MC) of a finding from the map's peak (score-calibration.ts). */
  readonly finding: LogisticModel;
  /** P(any MC), from {@link presentFeatures}. */
  readonly present: LogisticModel;
  /** P(malignant-like | any MC), from {@link malignantFeatures}. */
  readonly malignant: LogisticModel;
}

/** Keeps logarithms finite where nothing was found; far below one calcification. */
const NOTHING = 0.1;
/**
 * The odds of malignancy grow in proportion to how far the findings spread. Set, not fitted: patches that are drawn for training and calibration are too small
 * to show it. Of what powers on `select`: docs/decisions/0014.
 */
const SPREAD_POWER = 1;
/** Of a group of 1 cm: says neither. */
const USUAL_SPREAD_MM = 2.5;
/** Keeps the logarithm finite for a single finding. */
const LEAST_SPREAD_MM = 0.5;
/** Log odds beyond this say no more. */
const MOST_LOG_ODDS = 8;

export function presentFeatures({ density }: Evidence): number[] {
  return [Math.log(density + NOTHING)];
}

/**
 * Many, small and of a malignant look: brightness has no say.
 * @param logits fused class logits: none, benign-like, malignant-like
 */
export function malignantFeatures({ count, diameterMm }: Evidence, logits: ArrayLike<number>): number[] {
  const [, benign = 0, malignant = 0] = Array.from(logits);
  const odds = malignant - benign;
  return [Math.min(MOST_LOG_ODDS, Math.max(-MOST_LOG_ODDS, odds)), Math.log(count + NOTHING), Math.log(diameterMm)];
}

/** Log odds that the extent adds. */
function extentOdds({ spreadMm }: Evidence): number {
  return SPREAD_POWER * Math.log((spreadMm + LEAST_SPREAD_MM) / (USUAL_SPREAD_MM + LEAST_SPREAD_MM));
}

/**
 * @param model null: by the class heads alone, as of a network that nobody has calibrated
 * @param logits fused class logits; empty where the image has no breast: both scores are 0 then
 */
export function scoreImage(evidence: Evidence, logits: ArrayLike<number>, model: ScoreModel | null): ImageScores {
  if (logits.length === 0) return { mcScore: 0, malignancyScore: 0 };
  if (model === null) return imageScores(logits);
  const mcScore = sigmoid(logisticLogit(model.present, presentFeatures(evidence)));
  const malignant = logisticLogit(model.malignant, malignantFeatures(evidence, logits)) + extentOdds(evidence);
  return { mcScore, malignancyScore: mcScore * sigmoid(malignant) };
}
