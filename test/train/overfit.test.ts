import { expect, it } from 'vitest';
import { openInference, type Inference } from '../../src/detect/inference.js';
import { countOverlap, overlap, poolCounts } from '../../src/evaluate/metrics.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { makeSample, type Sample } from '../../src/synth/sample.js';
import { fillBatch } from '../../src/train/batch.js';
import { parseTrainConfig } from '../../src/train/config.js';
import { Trainer } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';

const MOST_STEPS = 300;
const LEAST_DICE = 0.95;
const BATCH = 4;
const device = await testDevice();

/** Over all pixels of all samples, each class for itself, at p >= 0.5. */
async function dice(inference: Inference, samples: readonly Sample[]): Promise<number> {
  const counts = [];
  for (const { image, masks } of samples) {
    const { benignLike, malignantLike } = (await inference.run(image)).maps;
    for (const [c, map] of [benignLike, malignantLike].entries()) {
      counts.push(
        countOverlap(
          Uint8Array.from(map, (p) => (p >= 0.5 ? 1 : 0)),
          masks[c] ?? [],
        ),
      );
    }
  }
  return overlap(poolCounts(counts)).dice;
}

it(`the compact network learns one batch by heart: Dice over ${LEAST_DICE} in at most ${MOST_STEPS} steps, as it will be used`, async () => {
  // Losses and network are the defaults. A hotter start, no decay and no average: it is to remember, not to generalise.
  const train = { patch: 64, batch: BATCH, steps: MOST_STEPS, learningRate: 5e-3, warmup: 10, weightDecay: 0, emaDecay: 0 };
  const config = parseTrainConfig({ train }, 'test');
  const synth = { ...DEMO_1, patch: config.train.patch, positiveFraction: 1 };
  const backgrounds = phantomSource(synth);
  const samples = Array.from({ length: BATCH }, (_, i) => makeSample(backgrounds, synth, 1, i));
  expect(new Set(samples.map((s) => s.classIndex)), 'both classes are in the batch').toEqual(new Set([1, 2]));

  const trainer = await Trainer.create(device, config);
  const batch = new Float32Array(trainer.layout.length);
  fillBatch(trainer.layout, samples, batch);
  const inference = openInference(device, trainer.network.model, undefined); // batch norms with running statistics, folded
  let reached = 0;
  let steps = 0;
  while (steps < MOST_STEPS && reached <= LEAST_DICE) {
    trainer.step(steps++, batch);
    await device.idle();
    if (steps % 20 > 0) continue;
    inference.load(await trainer.averagedArrays());
    reached = await dice(inference, samples);
  }
  console.log(`Dice ${reached.toFixed(3)} after ${steps} steps (${device.adapter.description})`);
  expect(reached).toBeGreaterThan(LEAST_DICE);
  for (const part of [inference, trainer]) part.destroy();
}, 300_000);
