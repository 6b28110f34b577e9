import { describe, expect, it } from 'vitest';
import { concat } from '../../src/autograd/ops/concat.js';
import { relu } from '../../src/autograd/ops/relu.js';
import * as reference from '../../src/kernels/reference/relu.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';

const device = await testDevice({ maxBindingBytes: 16384 });

describe('relu', () => {
  for (const [n, c, h, w] of [
    [1, 1, 1, 1],
    [2, 3, 5, 7],
    [1, 17, 17, 13],
    [2, 8, 33, 31],
  ] as const) {
    it(`equals the reference, forward and backward, and repeats itself bit for bit, at ${n}x${c}x${h}x${w}`, async () => {
      const random = new Random(1, n, c, h, w);
      const data = Float32Array.from({ length: n * c * h * w }, () => random.normal());
      const dy = data.map(() => random.normal());
      // A persistent input lies in one buffer; the intermediate results are split at 16 KiB.
      const run = () =>
        runOp(
          device,
          { x: { axes: 'NCHW', shape: [n, c, h, w], data } },
          (tape, { x }) => relu(tape, concat(tape, [relu(tape, x as Tensor<'NCHW'>)])),
          dy,
        );
      const result = await run();
      expect(result.y).toEqual(Float32Array.from(reference.relu(Float64Array.from(data))));
      expect(result.grads.x).toEqual(Float32Array.from(reference.reluGrad(Float64Array.from(data), Float64Array.from(dy))));
      expect(await run()).toEqual(result);
    });
  }

  it('has a reference whose gradient is that of central differences, away from 0', () => {
    const [x, dy] = [Float64Array.of(-3, -0.5, 0.1, 2), Float64Array.of(1, -2, 0.5, 3)];
    expectGradient(reference.relu, x, dy, reference.reluGrad(x, dy));
  });
});

describeGolden('relu against PyTorch', () => {
  for (const name of listGolden('ops', 'relu_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and the gradient`, async () => {
      const shape = golden.shape('in.x');
      const x = { axes: shape.length === 4 ? 'NCHW' : 'C', shape, data: golden.f32('in.x') };
      const result = await runOp(device, { x }, (tape, t) => relu(tape, t.x!), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });
  }
});
