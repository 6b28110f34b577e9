import { describe, expect, it } from 'vitest';
import { avgPool2d, type AvgPool2dOptions } from '../../src/autograd/ops/avg-pool2d.js';
import { pooledSize, type PoolSizes } from '../../src/kernels/pool-window.js';
import * as reference from '../../src/kernels/reference/avg-pool2d.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 20480 });

describeGolden('avgPool2d against PyTorch', () => {
  for (const name of listGolden('ops', 'avg_pool2d_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and the gradient`, async () => {
      const { kernel, ...rest } = golden.params as {
        kernel: number;
        stride: number;
        padding: number;
        ceilMode: boolean;
        countIncludePad: boolean;
      };
      const x = { axes: 'NCHW' as const, shape: golden.shape('in.x'), data: golden.f32('in.x') };
      const result = await runOp(
        device,
        { x },
        (tape, t) => avgPool2d(tape, t.x as Tensor<'NCHW'>, { kernelSize: kernel, ...rest }),
        golden.f32('in.dy'),
      );
      expect(result.shape).toEqual(golden.shape('out.y'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });
  }
});

type Size = readonly [n: number, c: number, h: number, w: number];
const plain = { padding: 0, ceilMode: false, countIncludePad: true };
const cases: readonly { size: Size; options: Required<Omit<AvgPool2dOptions, 'into'>> }[] = [
  { size: [1, 1, 1, 1], options: { ...plain, kernelSize: 1, stride: 1 } },
  { size: [2, 3, 17, 3], options: { kernelSize: 2, stride: 2, padding: 1, ceilMode: true, countIncludePad: false } },
  { size: [2, 17, 17, 13], options: { ...plain, kernelSize: 5, stride: 1, padding: 2 } },
  { size: [1, 2, 65, 64], options: { kernelSize: 5, stride: 3, padding: 2, ceilMode: true, countIncludePad: true } },
  { size: [1, 9, 64, 65], options: { ...plain, kernelSize: 2, stride: 3 } },
];

function draw(
  size: Size,
  options: Required<Omit<AvgPool2dOptions, 'into'>>,
): { x: Float32Array; dy: Float32Array; sizes: PoolSizes; planes: number } {
  const [n, c, height, width] = size;
  const random = new Random(13, ...size);
  const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  const [outHeight, outWidth] = [pooledSize(height, options, options.ceilMode), pooledSize(width, options, options.ceilMode)];
  return {
    x: normals(n * c * height * width),
    dy: normals(n * c * outHeight * outWidth),
    sizes: { height, width, outHeight, outWidth },
    planes: n * c,
  };
}

describe('avgPool2d', () => {
  for (const { size, options } of cases) {
    const { x, dy, sizes, planes } = draw(size, options);
    const input = { x: { axes: 'NCHW' as const, shape: size, data: x } };
    const op = (tape: Parameters<typeof avgPool2d>[0], t: Tensor): Tensor<'NCHW'> => avgPool2d(tape, t as Tensor<'NCHW'>, options);
    const label = `${size.join('x')}, window ${options.kernelSize}, stride ${options.stride}, padding ${options.padding}`;

    it(`equals the float64 reference, forward and backward, at ${label}`, async () => {
      const result = await runOp(device, input, (tape, t) => op(tape, t.x!), dy);
      const y = reference.avgPool2d(Float64Array.from(x), planes, sizes, options, options.countIncludePad);
      const dx = reference.avgPool2dGrad(Float64Array.from(dy), planes, sizes, options, options.countIncludePad);
      // Sums of at most 25 terms: 25 roundings of 6e-8, and the division.
      expectClose(result.y, y, { abs: 2e-6 * largest(x) }, 'y');
      expectClose(result.grads.x ?? [], dx, { abs: 2e-6 * largest(dy) }, 'dx');
    });

    it(`has the transpose as its gradient: <Jx, dy> = <x, J'dy>, at ${label}`, async () => {
      const result = await runOp(device, input, (tape, t) => op(tape, t.x!), dy);
      expectClose([dot(result.y, dy)], [dot(x, result.grads.x ?? [])], { abs: 1e-6 * Math.sqrt(dot(result.y, result.y) * dot(dy, dy)) });
    });

    it(`gives the same with maps split over several buffers, and in every run, at ${label}`, async () => {
      const whole = await runOp(device, input, (tape, t) => op(tape, t.x!), dy);
      const parts = await runOp(splitDevice, input, (tape, t) => moved(tape, op(tape, moved(tape, t.x as Tensor<'NCHW'>))), dy);
      expect(parts).toEqual(whole);
      expect(await runOp(device, input, (tape, t) => op(tape, t.x!), dy)).toEqual(whole);
    });
  }

  it('refuses a window that does not fit', async () => {
    const x = { x: { axes: 'NCHW' as const, shape: [1, 1, 3, 9], data: new Float32Array(27) } };
    await expect(runOp(device, x, (tape, t) => avgPool2d(tape, t.x as Tensor<'NCHW'>, { kernelSize: 4 }))).rejects.toThrow(
      /avgPool2d: window 4 with padding 0 does not fit/,
    );
  });
});

describe('the reference of avgPool2d', () => {
  it('has the gradient of central differences', () => {
    const window = { kernelSize: 3, stride: 2, padding: 1 };
    const sizes = { height: 5, width: 6, outHeight: 3, outWidth: 4 };
    const random = new Random(17);
    const x = Float64Array.from({ length: 60 }, () => random.normal());
    const dy = Float64Array.from({ length: 24 }, () => random.normal());
    for (const include of [true, false]) {
      expectGradient(
        (v) => reference.avgPool2d(v, 2, sizes, window, include),
        x,
        dy,
        reference.avgPool2dGrad(dy, 2, sizes, window, include),
      );
    }
  });
});
