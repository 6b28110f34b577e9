import { describe, expect, it } from 'vitest';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { makeSample } from '../../src/synth/sample.js';
import { fillBatch } from '../../src/train/batch.js';
import type { TrainConfig } from '../../src/train/config.js';
import { Trainer } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';
import { smallConfig } from './small-run.js';

const device = await testDevice();
const NONE = { ...smallConfig().train.losses, focal: 0, tversky: 0, msSsimWindow: 2 };

/** Segmentation losses of the steps on one batch of phantoms with calcifications. */
async function segmentation(losses: Partial<TrainConfig['train']['losses']>, steps = 1): Promise<number[]> {
  const config = smallConfig({ losses: { ...NONE, ...losses }, precision: 'f32', learningRate: 1e-2 });
  const trainer = await Trainer.create(device, config);
  const synth = { ...DEMO_1, patch: config.train.patch, positiveFraction: 1 };
  const backgrounds = phantomSource(synth);
  const batch = new Float32Array(trainer.layout.length);
  const samples = Array.from({ length: config.train.batch }, (_, i) => makeSample(backgrounds, synth, 1, i));
  fillBatch(trainer.layout, samples, batch);
  const found: number[] = [];
  for (let step = 0; step < steps; step++) {
    trainer.step(step, batch);
    found.push((await trainer.losses()).segmentation);
  }
  trainer.destroy();
  return found;
}

describe('the objective', () => {
  it('is the weighted sum of its losses', async () => {
    const [focal = NaN] = await segmentation({ focal: 1 });
    const [iou = NaN] = await segmentation({ iou: 1 });
    const [msSsim = NaN] = await segmentation({ msSsim: 1 });
    const [all = NaN] = await segmentation({ focal: 2, iou: 0.5, msSsim: 3 });
    for (const part of [focal, iou, msSsim]) expect(part).toBeGreaterThan(0);
    expect(all / (2 * focal + 0.5 * iou + 3 * msSsim)).toBeCloseTo(1, 5);
  });

  it('with MS-SSIM and IoU falls while a batch is learnt, the same on two runs', async () => {
    const losses = { focal: 1, iou: 1, msSsim: 1 };
    const found = await segmentation(losses, 12);
    expect(found.at(-1)).toBeLessThan(0.95 * found[0]!);
    expect(await segmentation(losses, 12)).toEqual(found);
  });
});
