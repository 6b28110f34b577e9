import { describe, expect, it } from 'vitest';
import { add } from '../../src/autograd/ops/add.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 8192 });

describeGolden('add against PyTorch', () => {
  for (const name of listGolden('ops', 'add_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and both gradients`, async () => {
      const input = (key: string): HostArray => ({ axes: 'NCHW', shape: golden.shape(key), data: golden.f32(key) });
      const inputs = { a: input('in.a'), b: input('in.b') };
      const result = await runOp(device, inputs, (tape, { a, b }) => add(tape, [a!, b!]), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.a', result.grads.a ?? []);
      golden.expectClose('grad.b', result.grads.b ?? []);
    });
  }
});

/** Small whole numbers: sums are exact in any order. */
function whole(shape: readonly number[], seed: number): HostArray {
  const random = new Random(29, seed);
  return { axes: 'NCHW', shape, data: Float32Array.from({ length: shape.reduce((p, s) => p * s, 1) }, () => random.int(1000) - 500) };
}

describe('add', () => {
  const shape = [2, 7, 17, 13];
  const [a, b, c, dy] = [1, 2, 3, 4].map((seed) => whole(shape, seed)) as [HostArray, HostArray, HostArray, HostArray];
  const exact = Float32Array.from(a.data, (v, i) => v + (b.data[i] ?? 0) + (c.data[i] ?? 0));

  for (const [where, on] of [
    ['in one buffer', device],
    ['split over several', splitDevice],
  ] as const) {
    it(`adds three maps ${where} and hands the gradient to each`, async () => {
      const result = await runOp(
        on,
        { a, b, c },
        (tape, t) =>
          moved(
            tape,
            add(
              tape,
              [t.a, t.b, t.c].map((x) => moved(tape, x as Tensor<'NCHW'>)),
            ),
          ),
        dy.data,
      );
      expect(result.y).toEqual(exact);
      for (const key of ['a', 'b', 'c']) expect(result.grads[key]).toEqual(dy.data);
    });
  }

  it('adds a tensor to itself: the gradient is twice that of the sum', async () => {
    const result = await runOp(device, { a }, (tape, t) => add(tape, [t.a!, t.a!]), dy.data);
    expect(result.y).toEqual(Float32Array.from(a.data, (v) => 2 * v));
    expect(result.grads.a).toEqual(Float32Array.from(dy.data, (v) => 2 * v));
  });

  it('refuses fewer than two terms, and other shapes', async () => {
    await expect(runOp(device, { a }, (tape, t) => add(tape, [t.a!]))).rejects.toThrow(/1 term\(s\) given, expected at least two/);
    const other = whole([2, 7, 17, 12], 5);
    await expect(runOp(device, { a, other }, (tape, t) => add(tape, [t.a!, t.other!]))).rejects.toThrow(
      /found other: NCHW 2x7x17x12, expected the shape of the first term \(a: NCHW 2x7x17x13\)/,
    );
  });
});
