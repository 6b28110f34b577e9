import { phantomSource } from '../synth/phantom.js';
import { makeSample } from '../synth/sample.js';
import { DEMO_1 } from '../synth/demo-1.js';
import type { Device } from '../runtime/device.js';
import { fillBatch } from './batch.js';
import { parseTrainConfig } from './config.js';
import { Trainer } from './trainer.js';

/**
 * The losses of ten training steps of the compact network on 32x32 phantom patches, seed 1: the same numbers, within 1e-3,
 * wherever WebGPU runs.
 */
export async function tenTrainingSteps(device: Device): Promise<number[]> {
  const config = parseTrainConfig({ train: { patch: 32, batch: 4, steps: 10, warmup: 2, seed: 1 } }, 'tenTrainingSteps');
  const synth = { ...DEMO_1, patch: config.train.patch };
  const backgrounds = phantomSource(synth);
  const trainer = await Trainer.create(device, config);
  const losses: number[] = [];
  for (let step = 0; step < config.train.steps; step++) {
    const first = step * config.train.batch;
    const samples = Array.from({ length: config.train.batch }, (_, i) => makeSample(backgrounds, synth, config.train.seed, first + i));
    const batch = new Float32Array(trainer.layout.length);
    fillBatch(trainer.layout, samples, batch);
    trainer.step(step, batch);
    losses.push((await trainer.losses()).loss);
  }
  trainer.destroy();
  return losses;
}
