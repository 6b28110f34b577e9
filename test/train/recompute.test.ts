import { expect, it } from 'vitest';
import { parseTrainConfig } from '../../src/train/config.js';
import { Trainer } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

/** Losses of three steps, the arrays after them and the memory of a step, on the same numbers for every batch. */
async function threeSteps(recompute: 'none' | 'decoder') {
  const config = parseTrainConfig({ train: { batch: 2, patch: 64, recompute } }, 'test');
  const trainer = await Trainer.create(device, config);
  const batch = Float32Array.from({ length: trainer.layout.length }, (_, i) => Math.abs(Math.sin(i * i)));
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    trainer.step(step, batch);
    losses.push((await trainer.losses()).loss);
  }
  const arrays = await trainer.network.store.read();
  const { peakBytes } = trainer.program.plan;
  trainer.destroy();
  return { losses, arrays, peakBytes };
}

it('decoder nodes computed twice give the same bits, running statistics included, in less memory', async () => {
  const [kept, recomputed] = [await threeSteps('none'), await threeSteps('decoder')];
  expect(recomputed.losses).toEqual(kept.losses);
  expect(recomputed.arrays).toEqual(kept.arrays);
  expect(recomputed.peakBytes).toBeLessThan(0.9 * kept.peakBytes);
});
