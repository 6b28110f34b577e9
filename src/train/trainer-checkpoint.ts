// A trainer's arrays into a checkpoint and back.
import type { ShapedArray } from '../autograd/parameters.js';
import { tuningOrigin, useTuning } from '../kernels/tune.js';
import type { Device } from '../runtime/device.js';
import { exportTuning, Tuning, type NamedTuning, type TuningFile } from '../runtime/tuning.js';
import type { Checkpoint, CheckpointState } from './checkpoint.js';
import type { TrainConfig } from './config.js';
import { Trainer } from './trainer.js';

/**
 * Sets the tuning table that a run records its programs with. A resumed run goes on with the one of its checkpoint, or none as it
 * began: with another it would not go on bit for bit.
 *
 * @param given by the user; not used on resume
 * @returns what the user should know, one line each
 */
export async function setTuning(device: Device, checkpoint: Checkpoint | null, given: NamedTuning | undefined): Promise<readonly string[]> {
  if (!checkpoint) return given ? useTuning(device, given) : [];
  const { tuning } = checkpoint.state;
  const stored = Object.keys(tuning).length > 0 ? (tuning as TuningFile) : null;
  const kept = stored ? 'the tuning table of its checkpoint' : 'no tuning table, as it began';
  const unused = given ? [`${given.name} is not used: the run goes on with ${kept}, to be the same bit for bit.`] : [];
  device.tuning = new Tuning();
  return stored ? [...unused, ...(await useTuning(device, { stored, name: 'The tuning table of the checkpoint' }))] : unused;
}

/**
 * A trainer that goes on from a checkpoint, or begins anew without one.
 *
 * @param initial what a new one begins with; default: random weights from the seed
 * @throws UserError where the memory budget is too small
 */
export async function openTrainer(
  device: Device,
  config: TrainConfig,
  checkpoint: Checkpoint | null,
  options: { initial?: ReadonlyMap<string, Float32Array> | undefined; memoryBudgetBytes?: number },
): Promise<Trainer> {
  const { initial, ...budget } = options;
  if (!checkpoint) return Trainer.create(device, config, { ...(initial && { arrays: initial }), ...budget });
  const arrays = new Map([...checkpoint.model].map(([name, { data }]) => [name, data]));
  const trainer = await Trainer.create(device, config, { arrays, ...budget });
  trainer.optimizer.loadState(checkpoint.optimizer);
  return trainer;
}

/** Everything that the run needs to go on exactly; waits for the steps submitted so far. */
export async function takeCheckpoint(
  { device, network: { store }, optimizer }: Trainer,
  state: Omit<CheckpointState, 'schema' | 'tuning'>,
): Promise<Checkpoint> {
  const shapes = new Map([...store.specs, ...store.bufferSpecs].map(({ name, shape }) => [name, shape]));
  const arrays = await store.read();
  const model = new Map([...arrays].map(([name, data]): [string, ShapedArray] => [name, { shape: shapes.get(name) ?? [], data }]));
  const tuning = device.tuning.choices.size > 0 ? exportTuning(device.tuning, await tuningOrigin(device)) : {};
  return { state: { schema: 'mcgpu.checkpoint/1', tuning, ...state }, model, optimizer: await optimizer.readState() };
}
