import { expect, it } from 'vitest';
import { describeSoak, soak } from '../../scripts/soak.js';
import { testDevice } from '../support/gpu.js';

const STEPS = 500;
/** Pools of V8 and of the driver move the memory by tens of MiB in the first steps and by about 10 after them. */
const WARM_UP = 200;
/** Between medians 200 steps apart: a leak of 120 bytes per dispatch would be 24 MiB. */
const MOST_RISE_MIB = 24;
/** The best tenth of the steps: tests share the cores with a software GPU, which the median would measure too. */
const MOST_MICROSECONDS = 15;

const device = await testDevice();

it(`${STEPS} steps of the compact network create no GPU buffer after step 1, and the memory of the process stays flat`, async () => {
  const figures = await soak(device, { steps: STEPS, batch: 1, patch: 32, warmUp: WARM_UP });
  console.log(`${device.adapter.description}: ${describeSoak(figures)}`);
  expect(figures.buffersCreated).toBe(0);
  expect(figures.riseMiB).toBeLessThan(MOST_RISE_MIB);
  expect(figures.microsecondsPerDispatch.p10).toBeLessThan(MOST_MICROSECONDS);
}, 600_000);
