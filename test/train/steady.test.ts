import { expect, it } from 'vitest';
import { describeSoak, soak } from '../../scripts/soak.js';
import { testDevice } from '../support/gpu.js';

const STEPS = 500;
/** A leak of 50 bytes per dispatch would be 20 MiB; the driver's and V8's pools move it by about 5. */
const MOST_RISE_MIB = 20;
/** The aim is 15 on a machine that does nothing else; tests share theirs with a software GPU on the same cores. */
const MOST_MICROSECONDS = 60;

const device = await testDevice();

it(`${STEPS} steps of the compact network create no GPU buffer after step 1, and the memory of the process stays flat`, async () => {
  const figures = await soak(device, { steps: STEPS, batch: 1, patch: 32, warmUp: 100 });
  console.log(`${device.adapter.description}: ${describeSoak(figures)}`);
  expect(figures.buffersCreated).toBe(0);
  expect(figures.riseMiB).toBeLessThan(MOST_RISE_MIB);
  expect(figures.microsecondsPerDispatch.p10).toBeLessThan(MOST_MICROSECONDS);
}, 600_000);
