import { describe, expect, it } from 'vitest';
import { sigmoid } from '../../src/autograd/ops/sigmoid.js';
import * as reference from '../../src/kernels/reference/sigmoid.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 8192 });

describeGolden('sigmoid against PyTorch', () => {
  for (const name of listGolden('ops', 'sigmoid')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and the gradient`, async () => {
      const shape = golden.shape('in.x');
      const x = { axes: shape.length === 4 ? 'NCHW' : 'C', shape, data: golden.f32('in.x') };
      const result = await runOp(device, { x }, (tape, t) => sigmoid(tape, t.x!), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });
  }
});

describe('sigmoid', () => {
  for (const size of [
    [1, 1, 1, 1],
    [2, 3, 17, 2],
    [1, 17, 3, 13],
    [2, 5, 33, 31],
    [1, 2, 64, 65],
  ] as const) {
    const random = new Random(19, ...size);
    const length = size.reduce<number>((product, s) => product * s, 1);
    const x = Float32Array.from({ length }, () => random.normal(0, 4));
    const dy = Float32Array.from({ length }, () => random.normal());
    const input = { x: { axes: 'NCHW', shape: size, data: x } };

    it(`equals the float64 reference, forward and backward, at ${size.join('x')}`, async () => {
      const result = await runOp(device, input, (tape, t) => sigmoid(tape, t.x!), dy);
      // exp and division are good to a few units in the last place: 3 + 2|x| for exp by the WGSL standard.
      const each = (values: Float64Array): { each: number[] } => ({
        each: Array.from(values, (v, i) => 1e-7 * (8 + 2 * Math.abs(x[i] ?? 0)) * Math.abs(v) + 1e-10),
      });
      const y = reference.sigmoid(Float64Array.from(x));
      expectClose(result.y, y, each(y), 'y');
      // 1 - y has the absolute error of y.
      const dx = reference.sigmoidGrad(Float64Array.from(x), Float64Array.from(dy));
      expectClose(result.grads.x ?? [], dx, { each: Array.from(dy, (g: number) => 1e-6 * Math.abs(g) + 1e-10) }, 'dx');
    });
  }

  it('gives the same with maps split over several buffers, and in every run', async () => {
    const random = new Random(23);
    const shape = [2, 7, 17, 13];
    const data = Float32Array.from({ length: 2 * 7 * 17 * 13 }, () => random.normal());
    const whole = await runOp(device, { x: { axes: 'NCHW', shape, data } }, (tape, t) => sigmoid(tape, t.x!), data);
    const parts = await runOp(
      splitDevice,
      { x: { axes: 'NCHW', shape, data } },
      (tape, t) => moved(tape, sigmoid(tape, moved(tape, t.x as Tensor<'NCHW'>))),
      data,
    );
    expect(parts).toEqual(whole);
    expect(await runOp(device, { x: { axes: 'NCHW', shape, data } }, (tape, t) => sigmoid(tape, t.x!), data)).toEqual(whole);
  });
});

describe('the reference of sigmoid', () => {
  it('has the gradient of central differences', () => {
    const x = Float64Array.from([-3, -0.5, 0, 0.1, 2]);
    const dy = Float64Array.from([1, -2, 0.5, 3, 1]);
    expectGradient(reference.sigmoid, x, dy, reference.sigmoidGrad(x, dy));
  });
});
