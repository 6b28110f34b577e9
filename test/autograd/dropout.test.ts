import { describe, expect, it } from 'vitest';
import { dropout } from '../../src/autograd/ops/dropout.js';
import { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/dropout.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Device } from '../../src/runtime/device.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { runOp, testDevice } from '../support/gpu.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 16640 });

function seedTensor(on: Device, bits: number): Tensor<'E'> {
  const seed = on.tensor('E', [1]);
  on.writeBytes(seed, Uint32Array.of(bits));
  return seed;
}

/** Whole numbers and a power of two for the scale: float32 results are exact. */
function draw(shape: readonly number[]): { x: Float32Array; dy: Float32Array } {
  const random = new Random(43, ...shape);
  const length = shape.reduce((product, s) => product * s, 1);
  const whole = (): Float32Array => Float32Array.from({ length }, () => random.int(100) + 1);
  return { x: whole(), dy: whole() };
}

describe('dropout', () => {
  for (const shape of [
    [1, 1, 1, 1],
    [3, 65, 1, 2],
    [2, 17, 17, 13],
    [1, 2, 64, 65],
  ]) {
    const { x, dy } = draw(shape);
    const exact = (values: Float32Array): Float32Array =>
      Float32Array.from(reference.dropout(Float64Array.from(values), 0.5, 0xdeadbeef, 3));

    for (const [where, on] of [
      ['in one buffer', device],
      ['split over several', splitDevice],
    ] as const) {
      it(`equals the reference, with one mask forward and backward, at ${shape.join('x')} ${where}`, async () => {
        const settings = { probability: 0.5, seed: seedTensor(on, 0xdeadbeef), layer: 3 };
        const input = { x: { axes: 'NCHW', shape, data: x } };
        const result = await runOp(on, input, (tape, t) => moved(tape, dropout(tape, moved(tape, t.x as Tensor<'NCHW'>), settings)), dy);
        expect(result.y).toEqual(exact(x));
        expect(result.grads.x).toEqual(exact(dy));
      });
    }
  }

  it('drops its share and keeps the mean', async () => {
    const shape = [4, 16, 64, 64];
    const ones = new Float32Array(4 * 16 * 64 * 64).fill(1);
    for (const probability of [0.1, 0.3, 0.9]) {
      const settings = { probability, seed: seedTensor(device, 1), layer: 0 };
      const { y } = await runOp(device, { x: { axes: 'NCHW', shape, data: ones } }, (tape, t) => dropout(tape, t.x!, settings));
      const share = y.filter((v) => v === 0).length / y.length;
      // Five standard deviations of a binomial share of 262,144 draws.
      expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt((probability * (1 - probability)) / y.length));
      const scale = y.find((v) => v !== 0) ?? 0;
      expect(Math.abs(scale * (1 - probability) - 1)).toBeLessThan(2e-7);
    }
  });

  it('draws another mask for another step, layer and element, and the same for the same', () => {
    const mask = (seed: number, layer: number): string => reference.dropout(new Float64Array(256).fill(1), 0.5, seed, layer).join();
    const masks = [mask(1, 0), mask(2, 0), mask(1, 1), mask(0, 1)];
    expect(new Set(masks).size).toBe(4);
    expect(mask(1, 0)).toBe(masks[0]);
  });

  it('reads the seed anew in every run of a recorded program', async () => {
    const { x } = draw([1, 4, 9, 9]);
    const seed = seedTensor(device, 7);
    const tape = new Tape(new Recorder(device), { grad: false });
    const y = dropout(tape, device.tensor('NCHW', [1, 4, 9, 9], x), { probability: 0.5, seed, layer: 0 });
    tape.recorder.keep(y);
    const program = await tape.recorder.compile();
    for (const bits of [7, 8, 7]) {
      device.writeBytes(seed, Uint32Array.of(bits));
      program.run();
      expect(await device.read(y)).toEqual(Float32Array.from(reference.dropout(Float64Array.from(x), 0.5, bits, 0)));
    }
    program.destroy();
  });

  it('does nothing at probability 0 and refuses 1', async () => {
    const input = { x: { axes: 'C', shape: [3], data: [1, 2, 3] } };
    const seed = seedTensor(device, 1);
    const tape = new Tape(new Recorder(device));
    const x = device.tensor('C', [3], [1, 2, 3]);
    expect(dropout(tape, x, { probability: 0, seed, layer: 0 })).toBe(x);
    await expect(runOp(device, input, (t, { x: v }) => dropout(t, v!, { probability: 1, seed, layer: 0 }))).rejects.toThrow(
      /probability 1, expected at least 0 and below 1/,
    );
  });
});
