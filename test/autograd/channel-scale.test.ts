import { describe, expect, it } from 'vitest';
import { channelScale } from '../../src/autograd/ops/channel-scale.js';
import * as reference from '../../src/kernels/reference/channel-scale.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 16640 });

type Inputs = Record<'x' | 'gamma', HostArray>;
const scale = (tape: Parameters<typeof channelScale>[0], t: Record<string, Tensor>): Tensor =>
  channelScale(tape, t.x as Tensor<'NCHW'>, t.gamma as Tensor<'C'>);

describeGolden('channelScale against PyTorch', () => {
  for (const name of listGolden('ops', 'channel_scale_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and both gradients`, async () => {
      const inputs: Inputs = {
        x: { axes: 'NCHW', shape: golden.shape('in.x'), data: golden.f32('in.x') },
        gamma: { axes: 'C', shape: golden.shape('in.gamma'), data: golden.f32('in.gamma') },
      };
      const result = await runOp(device, inputs, scale, golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
      golden.expectClose('grad.gamma', result.grads.gamma ?? []);
    });
  }
});

function draw([n, c, h, w]: readonly [number, number, number, number]): { inputs: Inputs; dy: Float32Array } {
  const random = new Random(41, n, c, h, w);
  const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const inputs = {
    x: { axes: 'NCHW', shape: [n, c, h, w], data: normals(n * c * h * w) },
    gamma: { axes: 'C', shape: [c], data: normals(c) },
  };
  return { inputs, dy: normals(n * c * h * w) };
}

describe('channelScale', () => {
  for (const size of [
    [1, 1, 1, 1],
    [3, 65, 1, 2],
    [2, 17, 17, 3],
    [1, 2, 64, 65],
  ] as const) {
    const { inputs, dy } = draw(size);

    it(`equals the float64 reference, forward and backward, at ${size.join('x')}`, async () => {
      const [x, gamma] = [Float64Array.from(inputs.x.data), Float64Array.from(inputs.gamma.data)];
      const exact = reference.channelScaleGrad(x, gamma, Float64Array.from(dy), size[2] * size[3]);
      const result = await runOp(device, inputs, scale, dy);
      const y = reference.channelScale(x, gamma, size[2] * size[3]);
      expectClose(result.y, y, { abs: 1.2e-7 * largest(y) }, 'y');
      expectClose(result.grads.x ?? [], exact.dx, { abs: 1.2e-7 * largest(exact.dx) }, 'dx');
      // Up to 4160 products of order 1, summed 65 at a time and then by a tree.
      expectClose(result.grads.gamma ?? [], exact.dgamma, { abs: 4e-6 * Math.max(1, largest(exact.dgamma)) }, 'dgamma');
    });

    it(`gives the same with maps split over several buffers, and in every run, at ${size.join('x')}`, async () => {
      const whole = await runOp(device, inputs, scale, dy);
      const parts = await runOp(
        splitDevice,
        inputs,
        (tape, t) => moved(tape, channelScale(tape, moved(tape, t.x as Tensor<'NCHW'>), t.gamma as Tensor<'C'>)),
        dy,
      );
      expect(parts).toEqual(whole);
      expect(await runOp(device, inputs, scale, dy)).toEqual(whole);
    });
  }

  it('names both channel counts when they differ', async () => {
    const { inputs } = draw([1, 3, 2, 2]);
    const gamma = { axes: 'C', shape: [4], data: [1, 2, 3, 4] };
    await expect(runOp(device, { ...inputs, gamma }, scale)).rejects.toThrow(/gamma has 4 channels, expected 3/);
  });
});

describe('the reference of channelScale', () => {
  it('has the gradients of central differences', () => {
    const { inputs, dy: upstream } = draw([2, 3, 2, 2]);
    const [x, gamma, dy] = [Float64Array.from(inputs.x.data), Float64Array.from(inputs.gamma.data), Float64Array.from(upstream)];
    const { dx, dgamma } = reference.channelScaleGrad(x, gamma, dy, 4);
    expectGradient((v) => reference.channelScale(v, gamma, 4), x, dy, dx);
    expectGradient((v) => reference.channelScale(x, v, 4), gamma, dy, dgamma);
  });
});
