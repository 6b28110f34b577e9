import { describe, expect, it } from 'vitest';
import { bilinear } from '../../src/autograd/ops/bilinear.js';
import * as kernels from '../../src/kernels/bilinear.js';
import * as reference from '../../src/kernels/reference/bilinear.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 16384 });

describeGolden('bilinear against PyTorch', () => {
  for (const name of listGolden('ops', 'bilinear_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y and the gradient`, async () => {
      const [height = 0, width = 0] = golden.params.size as number[];
      const x = { axes: 'NCHW' as const, shape: golden.shape('in.x'), data: golden.f32('in.x') };
      const result = await runOp(device, { x }, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, { height, width }), golden.f32('in.dy'));
      expect(result.shape).toEqual(golden.shape('out.y'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });
  }
});

type Size = readonly [n: number, c: number, h: number, w: number];
const cases: readonly { size: Size; to: readonly [height: number, width: number] }[] = [
  { size: [1, 1, 1, 1], to: [17, 3] },
  { size: [2, 17, 2, 3], to: [64, 65] },
  { size: [2, 9, 17, 13], to: [17, 26] },
  { size: [1, 3, 17, 13], to: [68, 13] },
  { size: [1, 3, 65, 64], to: [17, 1] },
  { size: [1, 2, 64, 3], to: [65, 2] },
  { size: [1, 2, 3, 50], to: [2, 49] },
  { size: [2, 3, 17, 13], to: [34, 26] },
  { size: [1, 2, 7, 9], to: [28, 13] },
  { size: [1, 3, 5, 6], to: [40, 48] },
  { size: [1, 2, 9, 5], to: [144, 80] },
  { size: [1, 2, 1, 3], to: [6, 3] },
  { size: [1, 1, 2, 3], to: [36, 6] },
];

function draw(
  size: Size,
  to: readonly [number, number],
): { x: Float32Array; dy: Float32Array; planes: number; sizes: reference.ResampleSizes } {
  const random = new Random(5, ...size, ...to);
  const [n, c, height, width] = size;
  const [outHeight, outWidth] = to;
  const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  return {
    x: normals(n * c * height * width),
    dy: normals(n * c * outHeight * outWidth),
    planes: n * c,
    sizes: { height, width, outHeight, outWidth },
  };
}

describe('bilinear', () => {
  for (const { size, to } of cases) {
    const { x, dy, planes, sizes } = draw(size, to);
    const target = { height: to[0], width: to[1] };
    const input = { x: { axes: 'NCHW' as const, shape: size, data: x } };
    const label = `${size.join('x')} to ${to.join('x')}`;

    it(`equals the float64 reference, forward and backward, from ${label}`, async () => {
      const result = await runOp(device, input, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, target), dy);
      // Weights are exact to a rounding; a handful of roundings per output, and per term of the gradient's sums.
      expectClose(result.y, reference.bilinear(Float64Array.from(x), planes, sizes), { abs: 1e-6 * largest(x) }, 'y');
      const dx = reference.bilinearGrad(Float64Array.from(dy), planes, sizes);
      expectClose(result.grads.x ?? [], dx, { abs: 1e-6 * Math.max(1, largest(dx)) }, 'dx');
    });

    it(`has the transpose as its gradient: <Jx, dy> = <x, J'dy>, from ${label}`, async () => {
      const result = await runOp(device, input, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, target), dy);
      const scale = Math.sqrt(dot(result.y, result.y) * dot(dy, dy));
      expectClose([dot(result.y, dy)], [dot(x, result.grads.x ?? [])], { abs: 1e-6 * scale });
    });
  }

  it('gives the same where maps are split over several buffers', async () => {
    const { size, to } = { size: [2, 17, 9, 7] as const, to: [36, 28] as const };
    const { x, dy } = draw(size, to);
    const input = { x: { axes: 'NCHW' as const, shape: size, data: x } };
    const target = { height: to[0], width: to[1] };
    const whole = await runOp(device, input, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, target), dy);
    const parts = await runOp(splitDevice, input, (tape, t) => moved(tape, bilinear(tape, moved(tape, t.x as Tensor<'NCHW'>), target)), dy);
    expect(parts).toEqual(whole);
  });

  it('by a whole, even factor in height is as good as the kernel for any size', async () => {
    const [size, to] = [[2, 9, 17, 13] as const, [68, 52] as const];
    const { x } = draw(size, to);
    const run = async (kernel: typeof kernels.bilinear): Promise<Float32Array> => {
      const r = new Recorder(device);
      const y = r.empty('NCHW', [size[0], size[1], ...to]);
      kernel(r, device.tensor('NCHW', size, x), y);
      r.keep(y);
      const program = await r.compile();
      program.run();
      const result = await device.read(y);
      program.destroy();
      return result;
    };
    expectClose(await run(kernels.bilinear), Float64Array.from(await run(kernels.plainBilinear)), { abs: 5e-7 * largest(x) });
  });

  it('is bit-identical from run to run', async () => {
    const { x, dy } = draw([2, 9, 17, 13], [33, 50]);
    const once = (): ReturnType<typeof runOp> =>
      runOp(
        device,
        { x: { axes: 'NCHW', shape: [2, 9, 17, 13], data: x } },
        (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, { height: 33, width: 50 }),
        dy,
      );
    expect(await once()).toEqual(await once());
  });

  it('reproduces a plane exactly between pixel centres and repeats the border beyond them', async () => {
    const input = { x: { axes: 'NCHW' as const, shape: [1, 1, 1, 4], data: [0, 8, 16, 24] } };
    const { y } = await runOp(device, input, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, { height: 1, width: 16 }));
    expect([...y]).toEqual([0, 0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 24, 24]);
  });

  it('refuses sizes that are not whole or too large for its arithmetic', async () => {
    const input = { x: { axes: 'NCHW' as const, shape: [1, 1, 3, 4], data: new Float32Array(12) } };
    const to = (height: number): Promise<unknown> =>
      runOp(device, input, (tape, t) => bilinear(tape, t.x as Tensor<'NCHW'>, { height, width: 4 }));
    await expect(to(0)).rejects.toThrow(/3 to 0 pixels, expected a whole number >= 1/);
    await expect(to(2.5)).rejects.toThrow(/3 to 2.5 pixels/);
    await expect(to(2 ** 30)).rejects.toThrow(/product of at most/);
  });
});

describe('the reference of bilinear', () => {
  for (const { size, to } of cases.filter((c) => c.size[2] * c.size[3] < 100)) {
    it(`has the gradient of central differences, from ${size.join('x')} to ${to.join('x')}`, () => {
      const sizes = { height: size[2], width: size[3], outHeight: to[0], outWidth: to[1] };
      const random = new Random(6);
      const x = Float64Array.from({ length: size[2] * size[3] }, () => random.normal());
      const dy = Float64Array.from({ length: to[0] * to[1] }, () => random.normal());
      expectGradient((v) => reference.bilinear(v, 1, sizes), x, dy, reference.bilinearGrad(dy, 1, sizes));
    });
  }
});
