import { describe, expect, it } from 'vitest';
import { layerNorm } from '../../src/autograd/ops/layer-norm.js';
import * as reference from '../../src/kernels/reference/layer-norm.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 33280 });

type Inputs = Record<'x' | 'weight' | 'bias', HostArray>;
const norm =
  (eps: number) =>
  (tape: Parameters<typeof layerNorm>[0], t: Record<string, Tensor>): Tensor =>
    layerNorm(tape, t.x as Tensor<'NCHW'>, t.weight as Tensor<'C'>, t.bias as Tensor<'C'>, { eps });

describeGolden('layerNorm against PyTorch', () => {
  for (const name of listGolden('ops', 'layer_norm_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and all gradients`, async () => {
      const vector = (key: string): HostArray => ({ axes: 'C', shape: golden.shape(key), data: golden.f32(key) });
      const shape = golden.shape('in.x');
      const inputs: Inputs = {
        x: { axes: shape.length === 4 ? 'NCHW' : 'NC', shape, data: golden.f32('in.x') },
        weight: vector('in.weight'),
        bias: vector('in.bias'),
      };
      const result = await runOp(device, inputs, norm(golden.params.eps as number), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      for (const key of ['x', 'weight', 'bias']) golden.expectClose(`grad.${key}`, result.grads[key] ?? []);
    });
  }
});

type Size = readonly [n: number, c: number, h: number, w: number];

/** @param mean of the input, whose standard deviation is 1 */
function draw([n, c, h, w]: Size, mean = 0): { inputs: Inputs; dy: Float32Array } {
  const length = n * c * h * w;
  const inputs = {
    x: { axes: 'NCHW', shape: [n, c, h, w], data: normals(31, length).map((v) => v + mean) },
    weight: { axes: 'C', shape: [c], data: normals(32, c) },
    bias: { axes: 'C', shape: [c], data: normals(33, c) },
  };
  return { inputs, dy: normals(34, length) };
}

function exactly({ x, weight, bias }: Inputs, dy: Float32Array, [n, c, h, w]: Size) {
  const shape = { n, c, p: h * w, eps: 1e-6 };
  const [a, b, k] = [x, weight, bias].map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array, Float64Array];
  const { dx, dweight, dbias } = reference.layerNormGrad(a, b, Float64Array.from(dy), shape);
  return { y: reference.layerNorm(a, b, k, shape), x: dx, weight: dweight, bias: dbias };
}

describe('layerNorm', () => {
  for (const size of [
    [1, 1, 1, 1],
    [3, 65, 1, 2],
    [2, 17, 17, 17],
    [1, 4, 64, 65],
    [1, 250, 3, 3],
  ] as const) {
    const { inputs, dy } = draw(size);
    // Some ten roundings per value, magnified by 1 / deviation where the channels of a pixel lie close together, and sums of up to 4160 terms.
    const bound = (values: Float64Array) => ({ abs: 1e-5 * Math.max(1, largest(values)) });

    it(`equals the float64 reference, forward and all gradients, in one buffer and in several, at ${size.join('x')}`, async () => {
      const { y, ...gradients } = exactly(inputs, dy, size);
      for (const on of [device, splitDevice]) {
        const result = await runOp(
          on,
          inputs,
          (tape, t) => moved(tape, norm(1e-6)(tape, { ...t, x: moved(tape, t.x as Tensor<'NCHW'>) }) as Tensor<'NCHW'>),
          dy,
        );
        expectClose(result.y, y, bound(y), 'y');
        for (const [key, expected] of Object.entries(gradients)) expectClose(result.grads[key] ?? [], expected, bound(expected), key);
      }
    });

    it(`gives the same bits in every run, at ${size.join('x')}`, async () => {
      expect(await runOp(device, inputs, norm(1e-6), dy)).toEqual(await runOp(device, inputs, norm(1e-6), dy));
    });
  }

  it('keeps its digits where the mean is a thousand deviations', async () => {
    const size = [1, 96, 5, 7] as const;
    const { inputs, dy } = draw(size, 1000);
    const { y, x } = exactly(inputs, dy, size);
    const result = await runOp(device, inputs, norm(1e-6), dy);
    // The mean itself is stored in float32: 1000 * 2^-24 of a deviation off.
    expectClose(result.y, y, { abs: 3e-4 * largest(y) }, 'y');
    expectClose(result.grads.x ?? [], x, { abs: 3e-4 * largest(x) }, 'dx');
  });

  it('names both channel counts when they differ', async () => {
    const { inputs } = draw([1, 3, 2, 2]);
    const bias = { axes: 'C', shape: [4], data: [1, 2, 3, 4] };
    await expect(runOp(device, { ...inputs, bias }, norm(1e-6))).rejects.toThrow(/bias has 4 channels, expected 3/);
  });
});

describe('the reference of layerNorm', () => {
  it('has the gradients of central differences', () => {
    const shape = { n: 2, c: 5, p: 3, eps: 1e-3 };
    const [x, weight, bias, dy] = [30, 5, 5, 30].map((n, i) => Float64Array.from(normals(i, n))) as [Float64Array, Float64Array, Float64Array, Float64Array]; // prettier-ignore
    const { dx, dweight, dbias } = reference.layerNormGrad(x, weight, dy, shape);
    expectGradient((v) => reference.layerNorm(v, weight, bias, shape), x, dy, dx);
    expectGradient((v) => reference.layerNorm(x, v, bias, shape), weight, dy, dweight);
    expectGradient((v) => reference.layerNorm(x, weight, v, shape), bias, dy, dbias);
  });
});
