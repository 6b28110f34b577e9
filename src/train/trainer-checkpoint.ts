// A trainer's arrays into a checkpoint and back.
import type { ShapedArray } from '../autograd/parameters.js';
import type { Device } from '../runtime/device.js';
import type { Checkpoint, CheckpointState } from './checkpoint.js';
import type { TrainConfig } from './config.js';
import { Trainer } from './trainer.js';

/** A trainer that goes on from a checkpoint, or begins anew without one. @throws UserError where the memory budget is too small */
export async function openTrainer(
  device: Device,
  config: TrainConfig,
  checkpoint: Checkpoint | null,
  budget: { memoryBudgetBytes?: number },
): Promise<Trainer> {
  if (!checkpoint) return Trainer.create(device, config, budget);
  const arrays = new Map([...checkpoint.model].map(([name, { data }]) => [name, data]));
  const trainer = await Trainer.create(device, config, { arrays, ...budget });
  trainer.optimizer.loadState(checkpoint.optimizer);
  return trainer;
}

/** Everything that the run needs to go on exactly; waits for the steps submitted so far. */
export async function takeCheckpoint(
  { network: { store }, optimizer }: Trainer,
  state: Omit<CheckpointState, 'schema' | 'tuning'>,
): Promise<Checkpoint> {
  const shapes = new Map([...store.specs, ...store.bufferSpecs].map(({ name, shape }) => [name, shape]));
  const arrays = await store.read();
  const model = new Map([...arrays].map(([name, data]): [string, ShapedArray] => [name, { shape: shapes.get(name) ?? [], data }]));
  return { state: { schema: 'mcgpu.checkpoint/1', tuning: {}, ...state }, model, optimizer: await optimizer.readState() };
}
