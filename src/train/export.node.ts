import { CLASSES } from '../data/classes.js';
import { buildModel, isClassifier, storedSettings, tensorsOf } from '../model/architecture.js';
import type { ModelInfo } from '../model/model-file.js';
import { writeModelFile } from '../model/model-file.node.js';
import { chooseThresholds } from './choose-thresholds.js';
import type { TrainConfig } from './config.js';
import { readCheckpoint } from './checkpoint.node.js';
import { modelSettings } from './model-config.js';
import { modelCard } from './model-card.js';
import type { RunDirectory } from './run-directory.node.js';
import type { TrainingData } from './training-data.node.js';
import { patchFigures } from './validation.js';
import type { Validator } from './validator.node.js';

export interface ExportOptions {
  readonly run: RunDirectory;
  /** Path of the checkpoint to ship. */
  readonly checkpoint: string;
  readonly validator: Validator;
  readonly data: TrainingData;
  readonly config: TrainConfig;
  readonly adapter: string;
  readonly commit: string | null;
  /** Which table of kernel choices was in use; null without one. */
  readonly tuning: string | null;
  /** sha256 of the model file whose weights the run began with; null: random ones. */
  readonly startedFrom: string | null;
}

/** Writes model.safetensors: the averaged weights of a checkpoint, scores calibrated and the threshold frozen on held-back backgrounds. */
export async function exportModel(options: ExportOptions): Promise<void> {
  const { run, checkpoint, validator, data, config, adapter, commit, tuning, startedFrom } = options;
  const { state, model, optimizer } = await readCheckpoint(checkpoint);
  const averaged = new Map(
    [...optimizer].filter(([name]) => name.startsWith('ema.')).map(([name, { data: values }]) => [name.slice('ema.'.length), values]),
  );
  const trained = averaged.size > 0 ? averaged : new Map([...model].map(([name, { data: values }]) => [name, values]));
  const { arrays, scores, results } = await validator.calibrated(trained);
  const { synth } = data.validation;
  const figures = patchFigures(results, synth.pixelSpacingMm);
  const rates = { falsePositives: config.train.falsePositivesPerPatch, groupFalsePositives: config.train.groupFalsePositivesPerPatch };
  const point = chooseThresholds(results, synth.pixelSpacingMm, rates);
  const training = {
    dataHash: data.dataHash,
    seed: config.train.seed,
    steps: state.step,
    commit,
    adapter,
    startedFrom,
  };
  const settings = modelSettings(config.model);
  const network = buildModel(settings);
  const info: ModelInfo = {
    schema: 'mcgpu.model/1',
    ...storedSettings(settings),
    pixelSpacingMm: synth.pixelSpacingMm,
    normalisation: synth.normalisation,
    ...(isClassifier(network) && { window: config.train.patch }),
    classes: [...CLASSES],
    threshold: point?.threshold ?? 0.5,
    groupThreshold: point?.groupThreshold ?? 0.5,
    ...scores,
    training,
    card: modelCard({ data: data.summary, training, tuning, figures, point, rates }),
  };
  await writeModelFile(run.model, { info, tensors: tensorsOf(network, arrays) });
}
