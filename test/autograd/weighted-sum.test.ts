import { describe, expect, it } from 'vitest';
import { relu } from '../../src/autograd/ops/relu.js';
import { weightedSum } from '../../src/autograd/ops/weighted-sum.js';
import { Tape } from '../../src/autograd/tape.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

describe('weighted sum', () => {
  for (const count of [1, 2, 5, 6, 17]) {
    it(`adds ${count} scalars, keeps their values, and gives each its gradient`, async () => {
      const tape = new Tape(new Recorder(device));
      const inputs = Array.from({ length: count }, (_, i): Tensor<''> => device.tensor('', [], [i + 0.5]));
      for (const x of inputs) x.requiresGrad = true;
      const weights = inputs.map((_, i) => 2 ** (i % 4) / 4);
      // Through another op, as losses are.
      const { total, values } = weightedSum(
        tape,
        inputs.map((x) => relu(tape, x)),
        weights,
      );
      const gradients = tape.backward(total, device.tensor('', [], [3]));
      for (const t of [total, values, ...gradients.values()]) tape.recorder.keep(t);
      const program = await tape.recorder.compile();
      for (let run = 0; run < 2; run++) {
        program.run();
        expect([...(await device.read(values))]).toEqual(inputs.map((_, i) => i + 0.5));
        expect((await device.read(total))[0]).toBe(weights.reduce((sum, w, i) => sum + w * (i + 0.5), 0));
      }
      const read = await Promise.all(inputs.map(async (x) => (await device.read(gradients.get(x)!))[0]));
      expect(read).toEqual(weights.map((w) => 3 * w));
      program.destroy();
    });
  }

  it('gives a scalar that is used twice the sum of both gradients', async () => {
    const tape = new Tape(new Recorder(device));
    const x = device.tensor('', [], [2]);
    x.requiresGrad = true;
    const inner = weightedSum(tape, [x, x], [1, 0.5]).total;
    const { total } = weightedSum(tape, [inner, x], [4, 1]);
    const gradient = tape.backward(total, device.tensor('', [], [1])).get(x)!;
    tape.recorder.keep(gradient);
    const program = await tape.recorder.compile();
    program.run();
    expect((await device.read(gradient))[0]).toBe(7);
    program.destroy();
  });

  it('refuses scalars without weights', () => {
    const tape = new Tape(new Recorder(device));
    expect(() => weightedSum(tape, [device.tensor('', [], [1])], [])).toThrow(/weightedSum: 1 scalars and 0 weights/);
    expect(() => weightedSum(tape, [], [])).toThrow(/at least one/);
  });
});
