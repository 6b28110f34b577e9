import { describe, expect, it } from 'vitest';
import { add } from '../../src/autograd/ops/add.js';
import { stochasticDepth } from '../../src/autograd/ops/stochastic-depth.js';
import { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/dropout.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Device } from '../../src/runtime/device.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { runOp, testDevice } from '../support/gpu.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 33280 });

function seedTensor(on: Device, bits: number): Tensor<'E'> {
  const seed = on.tensor('E', [1]);
  on.writeBytes(seed, Uint32Array.of(bits));
  return seed;
}

/** Whole numbers and a power of two for the scale: float32 results are exact. */
function draw(shape: readonly number[]): { x: Float32Array; dy: Float32Array } {
  const random = new Random(47, ...shape);
  const length = shape.reduce((product, s) => product * s, 1);
  const whole = (): Float32Array => Float32Array.from({ length }, () => random.int(100) + 1);
  return { x: whole(), dy: whole() };
}

describe('stochasticDepth', () => {
  for (const shape of [
    [1, 1, 1, 1],
    [65, 3, 1, 2],
    [8, 17, 17, 3],
    [2, 4, 64, 65],
  ]) {
    const { x, dy } = draw(shape);
    const kept = (values: Float32Array): Float64Array =>
      reference.dropout(Float64Array.from(values), 0.5, 0xdeadbeef, 3, x.length / (shape[0] ?? 1));

    for (const [where, on] of [
      ['in one buffer', device],
      ['split over several', splitDevice],
    ] as const) {
      it(`drops whole images of a residual branch, with one mask forward and backward, at ${shape.join('x')} ${where}`, async () => {
        const settings = { probability: 0.5, seed: seedTensor(on, 0xdeadbeef), layer: 3 };
        const result = await runOp(
          on,
          { x: { axes: 'NCHW', shape, data: x } },
          (tape, t) => {
            const map = moved(tape, t.x as Tensor<'NCHW'>);
            return moved(tape, add(tape, [map, stochasticDepth(tape, map, settings)]));
          },
          dy,
        );
        expect(result.y).toEqual(Float32Array.from(kept(x), (v, i) => v + x[i]!));
        expect(result.grads.x).toEqual(Float32Array.from(kept(dy), (v, i) => v + dy[i]!));
      });
    }
  }

  it('keeps its share of images, others in every step and layer, and the same for the same', async () => {
    const images = 4096;
    const mask = async (bits: number, layer: number): Promise<Float32Array> => {
      const settings = { probability: 0.2, seed: seedTensor(device, bits), layer };
      const x = { axes: 'NCHW', shape: [images, 1, 1, 1], data: new Float32Array(images).fill(1) };
      return (await runOp(device, { x }, (tape, t) => stochasticDepth(tape, t.x as Tensor<'NCHW'>, settings))).y;
    };
    const masks = [await mask(1, 0), await mask(2, 0), await mask(1, 1)];
    expect(new Set(masks.map((m) => m.join())).size).toBe(3);
    expect(await mask(1, 0)).toEqual(masks[0]);
    for (const m of masks) {
      // Five standard deviations of a binomial share of 4096 draws.
      expect(Math.abs(m.filter((v) => v === 0).length / images - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / images));
      expect(m.filter((v) => v !== 0).every((v) => v === Math.fround(1.25))).toBe(true);
    }
  });

  it('is nothing at probability 0, and refuses 1', () => {
    const tape = new Tape(new Recorder(device));
    const x = tape.empty('NCHW', [2, 1, 1, 1]);
    const seed = seedTensor(device, 1);
    expect(stochasticDepth(tape, x, { probability: 0, seed, layer: 0 })).toBe(x);
    expect(() => stochasticDepth(tape, x, { probability: 1, seed, layer: 0 })).toThrow(
      /stochasticDepth: probability 1, expected at least 0/,
    );
  });
});
