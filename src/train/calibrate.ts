// What turns a network's outputs into probabilities, fitted on drawn calcifications that no training saw. No annotation takes part.
import { calibrationFeature, calibratedScore } from '../detect/score-calibration.js';
import { gatherEvidence } from '../detect/evidence.js';
import { malignantFeatures, presentFeatures, scoreImage } from '../detect/image-scores.js';
import type { Inference } from '../detect/inference.js';
import { fitLogistic, type LogisticModel } from '../detect/logistic.js';
import { frocEvents, RULE_B_RADIUS_MM, ruleB } from '../evaluate/froc.js';
import { isClassifier, type AnyNetwork } from '../model/architecture.js';
import type { ModelInfo } from '../model/model-file.js';
import { detectPatches, type LabelledPatch, type PatchResult } from './validation.js';

type Arrays = ReadonlyMap<string, Float32Array>;

export interface Calibrated {
  /** Of the network, its last layer cooled. */
  readonly arrays: Arrays;
  /** What the model file says of scores; null where the samples or what was found on them are of one kind only. */
  readonly scores: Pick<ModelInfo, 'scores' | 'findingScore'> | null;
  /** On the samples, scored so. */
  readonly results: readonly PatchResult[];
}

/**
 * The fused output's logits are divided by this: unless they are, the sigmoid of a float is 1 from 16.6 on, and the surest findings, which reach
 * 60, cannot be told apart. What is above one half stays there.
 */
const TEMPERATURE = 4;
/** Candidates of the cooled map below this peak are not looked at: some thousandths of them are MCs. */
const LEAST_PEAK = 0.15;
/** Of the logistic fits: as much as a few samples say. */
const RIDGE = 1;

export interface CalibrationInput {
  readonly arrays: Arrays;
  readonly model: AnyNetwork;
  /** Of a model that was calibrated before: its last layer is cool already. */
  readonly isCooled?: boolean;
}

/**
 * Cools the network, and fits the probability of a finding, of any MC in an image, and of malignant-like ones among those with any. Of a classifier
 * only the first: it was trained to tell the other two, and is measured by what it says.
 *
 * @param samples with and without MCs of both classes
 */
export async function calibrate(
  inference: Inference,
  { arrays: given, model, isCooled = false }: CalibrationInput,
  samples: readonly LabelledPatch[],
  pixelSpacingMm: number,
): Promise<Calibrated> {
  const arrays = isCooled || isClassifier(model) || !model.config.fusedHead ? given : cooled(given);
  inference.load(arrays);
  const raw = await detectPatches(inference, samples, pixelSpacingMm, { minScore: LEAST_PEAK });
  const fit = fitScores(raw, samples, pixelSpacingMm, isClassifier(model));
  if (fit) return { arrays, ...fit };
  inference.load(given);
  return { arrays: given, scores: null, results: await detectPatches(inference, samples, pixelSpacingMm) };
}

/** Null where the samples or what was found on them are of one kind only. */
function fitScores(
  raw: readonly PatchResult[],
  samples: readonly LabelledPatch[],
  pixelSpacingMm: number,
  findingsAlone: boolean,
): Pick<Calibrated, 'scores' | 'results'> | null {
  const events = frocEvents(raw, ruleB(RULE_B_RADIUS_MM / pixelSpacingMm));
  const finding = fitted(
    events.map(({ score }) => [calibrationFeature(score)]),
    events.map(({ mark }) => mark !== null),
  );
  // A fit on next to nothing may fall: the order of findings would turn over.
  if (!finding || !((finding.weights[0] ?? 0) > 0)) return null;
  const scored = raw.map((result, i) => withFindingScores(result, samples[i]!, finding, pixelSpacingMm));
  if (findingsAlone) return { scores: { findingScore: finding }, results: scored };
  const withMcs = scored.filter(({ classIndex }) => classIndex > 0);
  const present = fitted(
    scored.map(({ evidence }) => presentFeatures(evidence)),
    scored.map(({ classIndex }) => classIndex > 0),
  );
  const malignant = fitted(
    withMcs.map(({ evidence, classLogits }) => malignantFeatures(evidence, classLogits)),
    withMcs.map(({ classIndex }) => classIndex === 2),
  );
  if (!present || !malignant) return null;
  const scores = { finding, present, malignant };
  return { scores: { scores }, results: scored.map((r) => ({ ...r, ...scoreImage(r.evidence, r.classLogits, scores) })) };
}

function cooled(arrays: Arrays): Arrays {
  return new Map([...arrays].map(([name, values]) => [name, name.startsWith('fused.') ? values.map((v) => v / TEMPERATURE) : values]));
}

/** Null without examples of both kinds. */
function fitted(rows: readonly (readonly number[])[], positive: readonly boolean[]): LogisticModel | null {
  if (!positive.includes(true) || !positive.includes(false)) return null;
  return fitLogistic(
    rows,
    positive.map((p) => (p ? 1 : 0)),
    RIDGE,
  );
}

function withFindingScores(result: PatchResult, { image }: LabelledPatch, finding: LogisticModel, pixelSpacingMm: number): PatchResult {
  const detections = result.detections.map((d) => ({ ...d, score: calibratedScore(d.score, finding) }));
  return { ...result, detections, evidence: gatherEvidence(detections, { ...image, pixelSpacingMm }) };
}
