// What one training step records, and how much memory it takes.
import { Tape } from '../autograd/tape.js';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { UserError } from '../errors.js';
import { isClassifier, type AnyNetwork } from '../model/architecture.js';
import type { Network } from '../model/network.js';
import { mebibytes } from '../runtime/device.js';
import { Recorder } from '../runtime/recorder.js';
import { tensorIn, type Tensor } from '../runtime/tensor.js';
import { batchLayout, type BatchLayout, type BatchPart } from './batch.js';
import type { TrainConfig } from './config.js';
import { taughtLevels, unfitSetting } from './model-config.js';
import { recordClassObjective, recordObjective, type Objective } from './objective.js';
import type { AdamW } from './optimizer.js';

/** What a step works on beside its batch. */
export interface StepParts {
  readonly network: Network<AnyNetwork>;
  readonly optimizer: AdamW;
  /** Of each step, for stochastic depth. */
  readonly randomBits: Tensor;
}

export function layoutOf({ train, model }: TrainConfig): BatchLayout {
  return batchLayout(train.batch, train.patch, SEGMENTATION_CHANNELS.length, taughtLevels(model));
}

/** Forward pass, losses, gradients, update and moving average. */
export function recordStep(
  { network, optimizer, randomBits }: StepParts,
  batch: Tensor<'E'>,
  config: TrainConfig,
): { recorder: Recorder; objective: Objective } {
  const { train } = config;
  const layout = layoutOf(config);
  const recorder = new Recorder(network.device, { maps: train.precision });
  const tape = new Tape(recorder);
  const pass = { ...network.pass(tape, 'train', { recompute: train.recompute === 'decoder' }), randomBits };
  const { model } = network;
  const image = part(batch, layout.image, 'NCHW');
  const classes = part(batch, layout.classes, 'N');
  const masks = layout.targets.map((t) => part(batch, t, 'NCHW'));
  const weights = layout.weights.map((t) => part(batch, t, 'NCHW'));
  const objective = isClassifier(model)
    ? recordClassObjective(tape, model.forward(pass, image), classes)
    : recordObjective(tape, model.forward(pass, image), { masks, weights, classes }, train.losses);
  recorder.keep(objective.values);
  tape.backward(objective.total, optimizer.lossScale.gradient);
  optimizer.record(recorder);
  return { recorder, objective };
}

/** @throws UserError where what the step's memory plan needs exceeds the budget; it says what a step of other settings would need */
export function checkBudget(parts: StepParts, config: TrainConfig, needed: number, budgetBytes: number): void {
  if (needed <= budgetBytes) return;
  const { train } = config;
  const choices: [setting: string, change: Partial<TrainConfig['train']>, possible: boolean][] = [
    ['train.recompute=decoder', { recompute: 'decoder' }, train.recompute === 'none'],
    ['train.precision=f16', { precision: 'f16' }, train.precision === 'f32' && parts.network.device.halfPrecision],
    [`train.batch=${train.batch >> 1}`, { batch: train.batch >> 1 }, train.batch > 1],
    [`train.patch=${train.patch >> 1}`, { patch: train.patch >> 1 }, train.patch % 32 === 0 && train.patch > 32],
  ];
  const proposals = choices
    .filter(([, change, possible]) => possible && !unfitSetting(config.model, { ...train, ...change }))
    .map(([setting, change]) => `--set ${setting} (${mebibytes(plannedBytes(parts, { ...config, train: { ...train, ...change } }))})`);
  throw new UserError(
    `The memory budget of ${mebibytes(budgetBytes)} is too small: a training step of ${train.batch} patches of ${train.patch}x${train.patch} px ` +
      `needs ${mebibytes(needed)}. Use --memory-budget ${Math.ceil(needed / 2 ** 20)}MB or more` +
      `${proposals.length > 0 ? `, or take less memory: ${proposals.join(', ')}` : ''}.`,
  );
}

/** Transient memory of a step, bytes; nothing is allocated. */
function plannedBytes(parts: StepParts, config: TrainConfig): number {
  const batch = new Recorder(parts.network.device).external('E', [layoutOf(config).length], 'batch');
  return recordStep(parts, batch, config).recorder.plan().peakBytes;
}

function part<A extends string>(batch: Tensor<'E'>, { offset, shape }: BatchPart, axes: A): Tensor<A> {
  const sizeBytes = 4 * shape.reduce((product, s) => product * s, 1);
  return tensorIn({ storage: batch.buffer.storage, offsetBytes: 4 * offset, sizeBytes }, axes, shape, 'batch');
}
