// `mcgpu calibrate`: scores and threshold of a finished model, fitted anew.
import { openInference } from '../detect/inference.js';
import { findingCalibration } from '../detect/score-calibration.js';
import { UserError } from '../errors.js';
import { networkOf, tensorsOf } from '../model/architecture.js';
import { readModelFile, writeModelFile } from '../model/model-file.node.js';
import type { ModelInfo } from '../model/model-file.js';
import type { Device } from '../runtime/device.js';
import { calibrate } from './calibrate.js';
import { chooseThresholds, type MarkingRates } from './choose-thresholds.js';
import { parseTrainConfig } from './config.js';
import { calibrationLine } from './model-card.js';
import { drawSamples, openTrainingData } from './training-data.node.js';
import { patchFigures, type PatchFigures } from './validation.js';
import { CALIBRATION_SEED } from './validator.node.js';

export interface CalibrateOptions {
  readonly model: string;
  /** Unlabelled mammograms, of which the held-back ones are used, or 'phantom'. */
  readonly data: string;
  readonly out: string;
  readonly patches: number;
  readonly seed: number;
  readonly rates: MarkingRates;
  readonly pixelSpacingMm?: number | undefined;
}

export interface CalibratedModel {
  readonly info: ModelInfo;
  readonly figures: PatchFigures;
}

/**
 * Writes the model with its scores calibrated and its threshold chosen on new samples of the generator.
 * @throws UserError where the samples hold too little to fit on
 */
export async function calibrateModel(device: Device, options: CalibrateOptions): Promise<CalibratedModel> {
  const { rates, patches, seed } = options;
  const file = await readModelFile(options.model);
  const { pixelSpacingMm, normalisation, window } = file.info;
  const { model, arrays: given } = networkOf(file, options.model);
  const config = parseTrainConfig({ synth: { pixelSpacingMm, normalisation: { ...normalisation } }, train: { seed } }, 'calibrate');
  const { validation } = await openTrainingData(options.data, config, { pixelSpacingMm: options.pixelSpacingMm });
  const samples = drawSamples({ ...validation, seed: validation.seed + CALIBRATION_SEED }, patches);
  const inference = openInference(device, model, window);
  try {
    const input = { arrays: given, model, isCooled: findingCalibration(file.info) !== null };
    const { arrays, scores, results } = await calibrate(inference, input, samples, pixelSpacingMm);
    if (!scores) {
      throw new UserError(
        `${patches} samples are too few to calibrate on: they, or what was found on them, are of one kind only. Use --patches ${4 * patches} or more.`,
      );
    }
    const figures = patchFigures(results, pixelSpacingMm);
    const point = chooseThresholds(results, pixelSpacingMm, rates);
    const info: ModelInfo = {
      ...file.info,
      ...(point && { threshold: point.threshold, groupThreshold: point.groupThreshold }),
      ...scores,
      card: `${file.info.card.trimEnd()}\n${calibrationLine({ patches, seed, figures, point, rates })}\n`,
    };
    await writeModelFile(options.out, { info, tensors: tensorsOf(model, arrays) });
    return { info, figures };
  } finally {
    inference.destroy();
  }
}
