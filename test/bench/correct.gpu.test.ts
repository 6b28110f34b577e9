import { describe, expect, it } from 'vitest';
import { buildTrainStep } from '../../src/bench/build-networks.js';
import { checkGradients, CORRECT_BOUNDS, CORRECT_WORKLOADS, correctTable, failureOf, isCorrect } from '../../src/bench/correct.js';
import { seededInputs } from '../../src/bench/inputs.js';
import type { NamedArrays } from '../../src/bench/runnable.js';
import type { Device } from '../../src/runtime/device.js';
import { testDevice } from '../support/gpu.js';
import { SOMEWHERE } from './tiny.js';

const device = await testDevice();
const again = await testDevice();
const portable = await testDevice({ portable: true });

const [smallest = expect.unreachable()] = CORRECT_WORKLOADS;

describe('the gradients of S against float64', () => {
  it.each([32, 48, 100])('at %i px are off by rounding alone once ReLUs and max-pools choose alike', async (side) => {
    const row = await checkGradients({ ...smallest, name: `S-${side}`, side }, { device }, SOMEWHERE);
    expect(row.passed, failureOf(row)).toBe(true);
    expect(row.rounding.worst).toBeLessThan(CORRECT_BOUNDS.f32.gradient);
    expect(row.flips).toBeLessThan(10);
    expect(correctTable([row])).toMatch(new RegExp(`^S-${side} .*ok$`, 'm'));
  });

  it('are as near without any optional feature of the adapter', async () => {
    const row = await checkGradients(smallest, { device: portable }, SOMEWHERE);
    expect(row.passed, failureOf(row)).toBe(true);
  });

  it.runIf(device.halfPrecision).each([32, 100])('at %i px with maps of half precision are off by the rounding of these', async (side) => {
    const context = { device, precision: 'f16' } as const;
    const row = await checkGradients({ ...smallest, name: `S-${side}`, side }, context, { ...SOMEWHERE, precision: 'f16' });
    expect(row.passed, failureOf(row)).toBe(true);
    expect(row.rounding.worst).toBeGreaterThan(CORRECT_BOUNDS.f32.gradient);
  });

  it.each([
    ['a loss that is off', { loss: 1e-5, worst: 0 }, { worst: 0 }],
    ['an array that is off beyond rounding', { loss: 0, worst: 2e-4 }, { worst: 2e-4 }],
    ['an array that is further off than flips explain', { loss: 0, worst: 0.1 }, { worst: 0 }],
    ['gradients that are no numbers', { loss: 0, worst: NaN }, { worst: NaN }],
  ])('do not pass with %s', (_, free, rounding) => {
    expect(isCorrect(free, rounding, 'f32')).toBe(false);
  });
});

describe('two training steps of S, and the loss and gradients of a third', () => {
  it('are the same bits on two devices, every fast path on', async () => {
    expect(await thirdStep(device)).toEqual(await thirdStep(again));
  });

  it('are close without any optional feature of the adapter', async () => {
    const [fast, plain] = [await thirdStep(device), await thirdStep(portable)];
    const loss = (outputs: NamedArrays): number => outputs.get('loss')?.data[0] ?? NaN;
    expect(Math.abs(loss(plain) / loss(fast) - 1)).toBeLessThan(1e-3);
  });
});

async function thirdStep(on: Device): Promise<NamedArrays> {
  const step = await buildTrainStep(smallest, { device: on, inputs: seededInputs(smallest) });
  for (let i = 0; i < 3; i++) step.step();
  await step.wait();
  const outputs = await step.outputs();
  step.destroy();
  return outputs;
}
