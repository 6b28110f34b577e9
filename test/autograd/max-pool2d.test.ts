import { describe, expect, it } from 'vitest';
import { maxPool2d, type MaxPool2dOptions } from '../../src/autograd/ops/max-pool2d.js';
import * as kernels from '../../src/kernels/max-pool2d.js';
import { pooledSize, type PoolSizes } from '../../src/kernels/pool-window.js';
import * as reference from '../../src/kernels/reference/max-pool2d.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden, type Golden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 20480 });

type Size = readonly [n: number, c: number, h: number, w: number];

function settings(golden: Golden): Required<Omit<MaxPool2dOptions, 'into'>> {
  const { kernel, stride, padding, ceilMode } = golden.params as { kernel: number; stride: number; padding: number; ceilMode: boolean };
  return { kernelSize: kernel, stride, padding, ceilMode };
}

describeGolden('maxPool2d against PyTorch', () => {
  for (const name of listGolden('ops', 'max_pool2d_')) {
    const golden = loadGolden(name);
    const x = { axes: 'NCHW' as const, shape: golden.shape('in.x'), data: golden.f32('in.x') };

    it(`${golden.case}: y and the gradient`, async () => {
      const result = await runOp(device, { x }, (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, settings(golden)), golden.f32('in.dy'));
      expect(result.shape).toEqual(golden.shape('out.y'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.grads.x ?? []);
    });

    it(`${golden.case}: the winner of every window`, async () => {
      const r = new Recorder(device);
      const y = r.empty('NCHW', golden.shape('out.y'));
      const index = kernels.plainMaxPool2d(r, device.tensor('NCHW', x.shape, x.data), y, settings(golden));
      r.keep(index);
      const program = await r.compile();
      program.run();
      const bits = await device.read(index);
      golden.expectClose('out.index', new Uint32Array(bits.buffer, bits.byteOffset, bits.length));
      program.destroy();
    });
  }
});

/** Small whole numbers: many ties, and exact sums, so that results must be equal. */
function draw(
  size: Size,
  options: Required<Omit<MaxPool2dOptions, 'into'>>,
): { x: Float32Array; dy: Float32Array; sizes: PoolSizes; planes: number } {
  const [n, c, height, width] = size;
  const random = new Random(3, ...size);
  const whole = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.int(9) - 4);
  const [outHeight, outWidth] = [pooledSize(height, options, options.ceilMode), pooledSize(width, options, options.ceilMode)];
  return {
    x: whole(n * c * height * width),
    dy: whole(n * c * outHeight * outWidth),
    sizes: { height, width, outHeight, outWidth },
    planes: n * c,
  };
}

const cases: readonly { size: Size; options: Required<Omit<MaxPool2dOptions, 'into'>> }[] = [
  { size: [1, 1, 1, 1], options: { kernelSize: 1, stride: 1, padding: 0, ceilMode: false } },
  { size: [2, 3, 17, 3], options: { kernelSize: 2, stride: 2, padding: 1, ceilMode: true } },
  { size: [2, 17, 17, 13], options: { kernelSize: 2, stride: 2, padding: 0, ceilMode: false } },
  { size: [1, 2, 65, 64], options: { kernelSize: 5, stride: 3, padding: 2, ceilMode: true } },
  { size: [1, 9, 64, 65], options: { kernelSize: 2, stride: 3, padding: 0, ceilMode: false } },
  { size: [1, 2, 3, 2], options: { kernelSize: 8, stride: 8, padding: 3, ceilMode: false } },
  { size: [2, 3, 35, 67], options: { kernelSize: 4, stride: 4, padding: 0, ceilMode: true } },
  { size: [1, 2, 67, 35], options: { kernelSize: 8, stride: 8, padding: 0, ceilMode: false } },
  { size: [1, 2, 20, 23], options: { kernelSize: 3, stride: 3, padding: 0, ceilMode: true } },
  { size: [1, 1, 33, 40], options: { kernelSize: 16, stride: 16, padding: 0, ceilMode: true } },
  { size: [1, 1, 40, 35], options: { kernelSize: 17, stride: 17, padding: 0, ceilMode: true } },
];

type Kernels = Pick<typeof kernels, 'maxPool2d' | 'maxPool2dGrad'>;
const plain: Kernels = { maxPool2d: kernels.plainMaxPool2d, maxPool2dGrad: kernels.plainMaxPool2dGrad };

/** y and dx of one pair of kernels. */
async function direct(
  { maxPool2d: forward, maxPool2dGrad: backward }: Kernels,
  size: Size,
  options: Required<Omit<MaxPool2dOptions, 'into'>>,
): Promise<Float32Array[]> {
  const { x, dy, sizes } = draw(size, options);
  const r = new Recorder(device);
  const outShape = [size[0], size[1], sizes.outHeight, sizes.outWidth];
  const [y, dx] = [r.empty('NCHW', outShape), r.empty('NCHW', size)];
  const index = forward(r, device.tensor('NCHW', size, x), y, options);
  backward(r, device.tensor('NCHW', outShape, dy), index, dx, options);
  for (const t of [y, dx]) r.keep(t);
  const program = await r.compile();
  program.run();
  const results = [await device.read(y), await device.read(dx)];
  program.destroy();
  return results;
}

describe('maxPool2d', () => {
  for (const { size, options } of cases) {
    const { x, dy, sizes, planes } = draw(size, options);
    const exact = reference.maxPool2d(Float64Array.from(x), planes, sizes, options);
    const input = { x: { axes: 'NCHW' as const, shape: size, data: x } };
    const label = `${size.join('x')}, window ${options.kernelSize}, stride ${options.stride}, padding ${options.padding}`;

    it(`equals the reference, ties included, at ${label}`, async () => {
      const result = await runOp(device, input, (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, options), dy);
      expect(result.y).toEqual(Float32Array.from(exact.y));
      expect(result.grads.x).toEqual(Float32Array.from(reference.maxPool2dGrad(Float64Array.from(dy), exact.index, planes, sizes)));
    });

    it(`gives the same with maps split over several buffers, at ${label}`, async () => {
      const whole = await runOp(device, input, (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, options), dy);
      const parts = await runOp(
        splitDevice,
        input,
        (tape, t) => moved(tape, maxPool2d(tape, moved(tape, t.x as Tensor<'NCHW'>), options)),
        dy,
      );
      expect(parts).toEqual(whole);
    });
  }

  it('with windows side by side equals the kernels for any window', async () => {
    for (const { size, options } of cases.filter(({ options: o }) => o.stride === o.kernelSize && o.padding === 0)) {
      expect(await direct(kernels, size, options)).toEqual(await direct(plain, size, options));
    }
  });

  it('keeps a byte for the winner of a window beside others, four in a word', () => {
    const r = new Recorder(device);
    const winners = (y: readonly number[], kernelSize: number, stride: number): readonly number[] => {
      const x = device.tensor('NCHW', [1, 1, kernelSize * (y[2] ?? 0), kernelSize * (y[3] ?? 0)]);
      return kernels.maxPool2d(r, x, r.empty('NCHW', y), { kernelSize, stride, padding: 0 }).shape;
    };
    expect(winners([1, 1, 9, 6], 8, 8)).toEqual([1, 1, 3, 6]);
    expect(winners([1, 1, 9, 6], 3, 2)).toEqual([1, 1, 9, 6]);
  });

  it('is bit-identical from run to run', async () => {
    const size = [2, 5, 33, 31] as const;
    const data = Float32Array.from(draw(size, { kernelSize: 1, stride: 1, padding: 0, ceilMode: false }).x, (v, i) => v + Math.sin(i));
    const once = (): ReturnType<typeof runOp> =>
      runOp(
        device,
        { x: { axes: 'NCHW', shape: size, data } },
        (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, { kernelSize: 3, stride: 2, padding: 1 }),
        new Float32Array(2 * 5 * 17 * 16).fill(0.1),
      );
    expect(await once()).toEqual(await once());
  });

  it('refuses a window that does not fit, and padding beyond half the window', async () => {
    const x = { x: { axes: 'NCHW' as const, shape: [1, 1, 3, 9], data: new Float32Array(27) } };
    await expect(runOp(device, x, (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, { kernelSize: 4 }))).rejects.toThrow(
      /window 4 with padding 0 does not fit/,
    );
    await expect(runOp(device, x, (tape, t) => maxPool2d(tape, t.x as Tensor<'NCHW'>, { kernelSize: 3, padding: 2 }))).rejects.toThrow(
      /at most half/,
    );
  });
});

describe('the reference of maxPool2d', () => {
  const options = { kernelSize: 3, stride: 2, padding: 1, ceilMode: false };
  const sizes = { height: 5, width: 6, outHeight: 3, outWidth: 3 };
  const random = new Random(11);
  const x = Float64Array.from({ length: 60 }, () => random.normal());
  const dy = Float64Array.from({ length: 18 }, () => random.normal());
  const { index, y } = reference.maxPool2d(x, 2, sizes, options);
  const dx = reference.maxPool2dGrad(dy, index, 2, sizes);

  it('has the gradient of central differences', () => {
    expectGradient((v) => reference.maxPool2d(v, 2, sizes, options).y, x, dy, dx);
  });

  it('is homogeneous: <dx, x> = <dy, y>', () => {
    expectClose([dot(dx, x)], [dot(dy, y)], { abs: 1e-12 * largest(y) });
  });
});
