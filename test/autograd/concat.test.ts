import { describe, expect, it } from 'vitest';
import { concat } from '../../src/autograd/ops/concat.js';
import { relu } from '../../src/autograd/ops/relu.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden, type Golden } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 8192 });

function parts(golden: Golden): Record<string, HostArray> {
  const names = Array.from({ length: golden.params.count as number }, (_, i) => `x.${i}`);
  return Object.fromEntries(
    names.map((name) => [name, { axes: 'NCHW', shape: golden.shape(`in.${name}`), data: golden.f32(`in.${name}`) }]),
  );
}

describeGolden('concat against PyTorch', () => {
  for (const name of listGolden('ops', 'concat_')) {
    const golden = loadGolden(name);
    for (const [where, on] of [
      ['in one buffer each', device],
      ['split over several', splitDevice],
    ] as const) {
      it(`${golden.case}, parts ${where}: y and all gradients`, async () => {
        const inputs = parts(golden);
        const result = await runOp(
          on,
          inputs,
          (tape, t) =>
            moved(
              tape,
              concat(
                tape,
                Object.values(t).map((x) => moved(tape, x as Tensor<'NCHW'>)),
              ),
            ),
          golden.f32('in.dy'),
        );
        expect(result.shape).toEqual(golden.shape('out.y'));
        golden.expectClose('out.y', result.y);
        for (const key of Object.keys(inputs)) golden.expectClose(`grad.${key}`, result.grads[key] ?? []);
      });
    }
  }
});

describe('concat', () => {
  it('sums the gradients of a part that is used twice', async () => {
    const x = { axes: 'NCHW', shape: [1, 2, 1, 2], data: [1, 2, 3, 4] };
    const result = await runOp(
      device,
      { x },
      (tape, t) => relu(tape, concat(tape, [t.x, t.x] as Tensor<'NCHW'>[])),
      [1, 2, 3, 4, 10, 20, 30, 40],
    );
    expect([...result.y]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    expect([...(result.grads.x ?? [])]).toEqual([11, 22, 33, 44]);
  });

  it('refuses parts of other sizes', async () => {
    const inputs = {
      a: { axes: 'NCHW', shape: [1, 2, 3, 4], data: new Float32Array(24) },
      b: { axes: 'NCHW', shape: [1, 1, 4, 4], data: new Float32Array(16) },
    };
    await expect(runOp(device, inputs, (tape, t) => concat(tape, [t.a, t.b] as Tensor<'NCHW'>[]))).rejects.toThrow(
      /concat: b: NCHW 1x1x4x4 does not match a: NCHW 1x2x3x4 in N, H and W/,
    );
  });
});
