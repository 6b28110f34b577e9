import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInference } from '../../src/detect/inference.js';
import { countOverlap, overlap, poolCounts } from '../../src/evaluate/metrics.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { makeSample } from '../../src/synth/sample.js';
import { fillBatch } from '../../src/train/batch.js';
import { parseTrainConfig, type TrainConfig } from '../../src/train/config.js';
import { readCheckpoint } from '../../src/train/checkpoint.node.js';
import { Trainer } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';
import { leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();

/** A batch of phantoms with calcifications. */
function batchOf({ layout, config: { train: settings } }: Trainer): { batch: Float32Array; samples: ReturnType<typeof makeSample>[] } {
  const synth = { ...DEMO_1, patch: settings.patch, positiveFraction: 1 };
  const backgrounds = phantomSource(synth);
  const samples = Array.from({ length: settings.batch }, (_, i) => makeSample(backgrounds, synth, 1, i));
  const batch = new Float32Array(layout.length);
  fillBatch(layout, samples, batch);
  return { batch, samples };
}

/** Everything that a step changes, beside the loss scale and the count of skipped steps. */
async function stateOf({ network, optimizer }: Trainer): Promise<object> {
  const state = await optimizer.readState();
  state.delete('lossScale');
  state.delete('skippedUpdates');
  return { arrays: await network.store.read(), state };
}

describe.runIf(device.halfPrecision)('training with maps of half precision', () => {
  it('skips a step whose gradients overflow, halves the loss scale, and goes on once they fit', async () => {
    const trainer = await Trainer.create(device, smallConfig({ precision: 'f16' }));
    const { optimizer } = trainer;
    const { batch } = batchOf(trainer);
    trainer.step(0, batch);
    const before = await stateOf(trainer);
    optimizer.lossScale.set(2 ** 60, 7);
    trainer.step(1, batch);
    expect(await optimizer.readReport()).toMatchObject({ skipped: true, skippedUpdates: 1 });
    expect(await optimizer.lossScale.read()).toMatchObject({ scale: 2 ** 59, updatesSinceChange: 0 });
    expect(await stateOf(trainer)).toEqual(before);
    let step = 2;
    do trainer.step(step++, batch);
    while ((await optimizer.readReport()).skipped && step < 60);
    const { skippedUpdates, norm } = await optimizer.readReport();
    expect((await optimizer.lossScale.read()).scale).toBe(2 ** (60 - skippedUpdates));
    expect(skippedUpdates).toBeGreaterThan(20);
    expect(norm).toBeGreaterThan(0);
    expect(norm).toBeLessThan(100); // of the loss itself, not of 2^30 times it
    expect(await stateOf(trainer)).not.toEqual(before);
    trainer.destroy();
  });

  it('gives the same bits on two runs', async () => {
    const run = async (): Promise<object> => {
      const trainer = await Trainer.create(device, smallConfig({ precision: 'f16' }));
      const { batch } = batchOf(trainer);
      for (let step = 0; step < 5; step++) trainer.step(step, batch);
      const result = { losses: await trainer.losses(), ...(await stateOf(trainer)) };
      trainer.destroy();
      return result;
    };
    expect(await run()).toEqual(await run());
  });

  it('takes about half the memory of float32', async () => {
    const planned = async (precision: TrainConfig['train']['precision']): Promise<number> => {
      const trainer = await Trainer.create(device, parseTrainConfig({ train: { precision } }, 'test'));
      const { peakBytes } = trainer.program.plan;
      trainer.destroy();
      return peakBytes;
    };
    const [full, half] = [await planned('f32'), await planned('f16')];
    expect(half).toBeLessThan(0.6 * full);
  });

  it('resumes bit for bit, with its loss scale', async () => {
    const config = smallConfig({ precision: 'f16' });
    const whole = await train(device, join(folder, 'whole'), { config });
    const parts = await train(device, join(folder, 'parts'), { config, stopAt: 5 });
    const stopped = await readCheckpoint(parts.run.last);
    expect(stopped.optimizer.get('lossScale')?.data).toEqual(Float32Array.of(65536, 5));
    const resumed = await train(device, join(folder, 'parts'), { config, mode: 'resume' });
    expect(await leftBy(resumed.run)).toEqual(await leftBy(whole.run));
  });

  it('learns a batch by heart as float32 does: in 60 steps a Dice of no less than 0.05 below it', async () => {
    const reached = { f32: 0, f16: 0 };
    for (const precision of ['f32', 'f16'] as const) {
      const settings = { patch: 64, steps: 300, learningRate: 5e-3, warmup: 10, weightDecay: 0, emaDecay: 0, precision };
      const trainer = await Trainer.create(device, parseTrainConfig({ train: settings }, 'test'));
      const { batch, samples } = batchOf(trainer);
      for (let step = 0; step < 60; step++) {
        trainer.step(step, batch);
        await device.idle();
      }
      const inference = openInference(device, trainer.network.model, undefined, { precision });
      inference.load(await trainer.averagedArrays());
      const counts = [];
      for (const { image, masks } of samples) {
        const { benignLike, malignantLike } = (await inference.run(image)).maps;
        for (const [c, map] of [benignLike, malignantLike].entries())
          counts.push(countOverlap(map.map((p) => (p >= 0.5 ? 1 : 0)), masks[c] ?? [])); // prettier-ignore
      }
      reached[precision] = overlap(poolCounts(counts)).dice;
      for (const part of [inference, trainer]) part.destroy();
    }
    console.log(`Dice after 60 steps: ${JSON.stringify(reached)}`);
    expect(reached.f32).toBeGreaterThan(0.9);
    expect(reached.f16).toBeGreaterThan(reached.f32 - 0.05);
  }, 300_000);
});

it('training with maps of half precision is refused on a device without them', async () => {
  const portable = await testDevice({ portable: true });
  await expect(Trainer.create(portable, smallConfig({ precision: 'f16' }))).rejects.toThrow(/f16 was asked for, but the adapter/);
});
