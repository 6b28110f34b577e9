import { describe, expect, it } from 'vitest';
import { gelu } from '../../src/autograd/ops/gelu.js';
import * as reference from '../../src/kernels/reference/gelu.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 8192 });

describeGolden('gelu against PyTorch', () => {
  for (const name of listGolden('ops', 'gelu_')) {
    const golden = loadGolden(name);
    const approximate = golden.params.approximate as 'none' | 'tanh';
    it(`${golden.case}: y and the gradient`, async () => {
      const shape = golden.shape('in.x');
      const x = { axes: shape.length === 4 ? 'NCHW' : 'C', shape, data: golden.f32('in.x') };
      const result = await runOp(device, { x }, (tape, t) => gelu(tape, t.x!, { approximate }), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });
  }
});

describe.each(['none', 'tanh'] as const)('gelu, approximated by %s', (approximate) => {
  const tanh = approximate === 'tanh';
  /**
   * exp is good to 3 + 2 |argument| units in the last place by the WGSL standard, and its argument is rounded; in the tails it is of the order
   * of x^2 (erf) or |x|^3 (tanh). Below the least normal number results may be 0.
   */
  const exactly = (x: ArrayLike<number>, values: Float64Array) => ({
    each: Array.from(values, (v, i) => 3e-7 * (4 + Math.min(x[i]! ** 2 + Math.abs(x[i]!) ** 3 * Number(tanh), 400)) * Math.abs(v) + 1e-35),
  });

  for (const size of [
    [1, 1, 1, 1],
    [2, 3, 17, 2],
    [1, 17, 3, 13],
    [1, 2, 64, 65],
  ] as const) {
    const length = size.reduce<number>((product, s) => product * s, 1);
    const [x, dy] = [normals(19, length, 3), normals(20, length)];
    const input = { x: { axes: 'NCHW', shape: size, data: x } };

    it(`equals the float64 reference, the tails relative to themselves, and repeats itself bit for bit, at ${size.join('x')}`, async () => {
      const run = () => runOp(device, input, (tape, t) => gelu(tape, t.x!, { approximate }), dy);
      const result = await run();
      const y = reference.gelu(Float64Array.from(x), tanh);
      expectClose(result.y, y, exactly(x, y), 'y');
      // Its two terms cancel where the slope is 0.
      const dx = reference.geluGrad(Float64Array.from(x), Float64Array.from(dy), tanh);
      expectClose(result.grads.x ?? [], dx, { each: Array.from(dy, (g) => 3e-6 * Math.abs(g) + 1e-35) }, 'dx');
      expect(await run()).toEqual(result);
    });
  }

  it('is x or 0, and neither NaN nor infinite, however far out', async () => {
    const far = Float32Array.of(30, 1e4, 1e13, 1e30, 3e38);
    const data = Float32Array.of(...far, ...far.map((v) => -v));
    const x = { axes: 'C', shape: [data.length], data };
    const { y, grads } = await runOp(device, { x }, (tape, t) => gelu(tape, t.x!, { approximate }), new Float32Array(10).fill(1));
    expect(Array.from(y, (v) => v + 0)).toEqual(Array.from(data, (v) => Math.max(v, 0)));
    expect(Array.from(grads.x!, (v) => v + 0)).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it('gives the same with maps split over several buffers', async () => {
    const shape = [2, 7, 17, 13];
    const data = normals(23, 2 * 7 * 17 * 13);
    const input = { x: { axes: 'NCHW', shape, data } };
    const whole = await runOp(device, input, (tape, t) => gelu(tape, t.x!, { approximate }), data);
    const parts = await runOp(
      splitDevice,
      input,
      (tape, t) => moved(tape, gelu(tape, moved(tape, t.x as Tensor<'NCHW'>), { approximate })),
      data,
    );
    expect(parts).toEqual(whole);
  });

  it('has a reference with the gradient of central differences', () => {
    const [x, dy] = [Float64Array.of(-3, -0.5, 0, 0.1, 2, 2.7), Float64Array.of(1, -2, 0.5, 3, 1, 1)];
    expectGradient((v) => reference.gelu(v, tanh), x, dy, reference.geluGrad(x, dy, tanh));
  });
});

it('the reference has the normal distribution of the tables', () => {
  // Abramowitz, Stegun 1964, tables 26.1 and 26.2: P(1), Q(2), Q(3), -log10 Q(10).
  expect(reference.normalDistribution(1)).toBeCloseTo(0.841344746068543, 14);
  expect(reference.normalDistribution(-2)).toBeCloseTo(0.0227501319482, 13);
  expect(reference.normalDistribution(-3)).toBeCloseTo(0.0013498980316, 13);
  expect(-Math.log10(reference.normalDistribution(-10))).toBeCloseTo(23.11805, 5);
});
