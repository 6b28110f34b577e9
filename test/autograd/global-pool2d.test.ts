import { describe, expect, it } from 'vitest';
import { globalAvgPool2d, globalMaxPool2d } from '../../src/autograd/ops/global-pool2d.js';
import * as reference from '../../src/kernels/reference/global-pool2d.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 33280 });

const ops = { adaptive_avg_pool2d: globalAvgPool2d, adaptive_max_pool2d: globalMaxPool2d } as const;

for (const [prefix, op] of Object.entries(ops)) {
  describeGolden(`${op.name} against PyTorch`, () => {
    for (const name of listGolden('ops', prefix)) {
      const golden = loadGolden(name);
      it(`${golden.case}: y and the gradient`, async () => {
        const x = { axes: 'NCHW', shape: golden.shape('in.x'), data: golden.f32('in.x') };
        const result = await runOp(device, { x }, (tape, t) => op(tape, t.x as Tensor<'NCHW'>), golden.f32('in.dy'));
        expect(result.shape).toEqual(golden.shape('out.y').slice(0, 2));
        golden.expectClose('out.y', result.y);
        golden.expectClose('grad.x', result.grads.x ?? []);
      });
    }
  });
}

/** A coarse grid of values: the maximum is seldom unique. */
function draw(size: readonly [number, number, number, number]): { x: Float32Array; dy: Float32Array; plane: number } {
  const [n, c, h, w] = size;
  const random = new Random(31, ...size);
  return {
    x: Float32Array.from({ length: n * c * h * w }, () => random.int(40) / 8 - 4),
    dy: Float32Array.from({ length: n * c }, () => random.normal()),
    plane: h * w,
  };
}

describe('global pooling', () => {
  for (const size of [
    [1, 1, 1, 1],
    [3, 2, 1, 2],
    [2, 17, 17, 3],
    [2, 65, 2, 3],
    [1, 3, 64, 65],
  ] as const) {
    const { x, dy, plane } = draw(size);
    const input = { x: { axes: 'NCHW', shape: size, data: x } };

    it(`globalAvgPool2d equals the float64 reference at ${size.join('x')}, and its gradient is the transpose`, async () => {
      const result = await runOp(device, input, (tape, t) => globalAvgPool2d(tape, t.x as Tensor<'NCHW'>), dy);
      // 64 sums of at most 65 terms, then a tree: about 70 roundings of 6e-8 at most, and they seldom agree in sign.
      expectClose(result.y, reference.globalAvgPool2d(Float64Array.from(x), plane), { abs: 1e-6 * largest(x) }, 'y');
      expectClose(result.grads.x ?? [], reference.globalAvgPool2dGrad(Float64Array.from(dy), plane), { abs: 1e-6 * largest(dy) }, 'dx');
      expectClose([dot(result.y, dy)], [dot(x, result.grads.x ?? [])], { abs: 1e-6 * largest(x) * Math.sqrt(dy.length * dot(dy, dy)) });
    });

    it(`globalMaxPool2d equals the reference at ${size.join('x')}, ties included`, async () => {
      const result = await runOp(device, input, (tape, t) => globalMaxPool2d(tape, t.x as Tensor<'NCHW'>), dy);
      const { y, index } = reference.globalMaxPool2d(Float64Array.from(x), plane);
      expect(result.y).toEqual(Float32Array.from(y));
      expect(result.grads.x).toEqual(Float32Array.from(reference.globalMaxPool2dGrad(Float64Array.from(dy), index, plane)));
    });

    for (const op of Object.values(ops)) {
      it(`${op.name} gives the same with maps split over several buffers, and in every run, at ${size.join('x')}`, async () => {
        const whole = await runOp(device, input, (tape, t) => op(tape, t.x as Tensor<'NCHW'>), dy);
        expect(await runOp(splitDevice, input, (tape, t) => op(tape, moved(tape, t.x as Tensor<'NCHW'>)), dy)).toEqual(whole);
        expect(await runOp(device, input, (tape, t) => op(tape, t.x as Tensor<'NCHW'>), dy)).toEqual(whole);
      });
    }
  }
});

describe('the references of global pooling', () => {
  const random = new Random(37);
  const x = Float64Array.from({ length: 30 }, () => random.normal());
  const dy = Float64Array.from({ length: 6 }, () => random.normal());

  it('have the gradients of central differences', () => {
    expectGradient((v) => reference.globalAvgPool2d(v, 5), x, dy, reference.globalAvgPool2dGrad(dy, 5));
    const { index } = reference.globalMaxPool2d(x, 5);
    expectGradient((v) => reference.globalMaxPool2d(v, 5).y, x, dy, reference.globalMaxPool2dGrad(dy, index, 5));
  });
});
