import { describe, expect, it } from 'vitest';
import { attentionPool } from '../../src/autograd/ops/attention-pool.js';
import { attentionSums } from '../../src/kernels/attention-pool.js';
import * as reference from '../../src/kernels/reference/attention-pool.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { expectClose } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
/** One or two channels of the largest case in a buffer. */
const splitDevice = await testDevice({ maxBindingBytes: 20480 });

interface Case extends reference.AttentionShape {
  readonly height: number;
  readonly width: number;
}

const make = (images: number, channels: number, logitChannels: number, height: number, width: number): Case => ({
  images,
  channels,
  logitChannels,
  height,
  width,
  plane: height * width,
});
const cases = [make(1, 1, 1, 1, 1), make(2, 3, 2, 17, 3), make(1, 5, 2, 65, 64), make(3, 17, 1, 2, 33)];

interface Draws {
  readonly x: Float32Array;
  readonly logits: Float32Array;
  readonly dy: Float32Array;
}

function draw(c: Case): Draws {
  const x = normals(1, c.images * c.channels * c.plane);
  return { x, logits: normals(2, c.images * c.logitChannels * c.plane, 3), dy: normals(3, c.images * c.channels) };
}

async function run(
  on: Device,
  c: Case,
  { x, logits, dy }: Draws,
): Promise<{ y: Float32Array; dx: Float32Array; logitGradient: Float32Array | undefined }> {
  const inputs = {
    x: { axes: 'NCHW', shape: [c.images, c.channels, c.height, c.width], data: x },
    logits: { axes: 'NCHW', shape: [c.images, c.logitChannels, c.height, c.width], data: logits },
  };
  const { y, grads } = await runOp(
    on,
    inputs,
    (tape, t) => attentionPool(tape, moved(tape, t.x as Tensor<'NCHW'>), t.logits as Tensor<'NCHW'>),
    dy,
  );
  return { y, dx: grads.x!, logitGradient: grads.logits };
}

async function sums(c: Case, { x, logits }: Draws, mask: Float32Array | null): Promise<Float32Array> {
  const recorder = new Recorder(device);
  const features = device.tensor('NCHW', [c.images, c.channels, c.height, c.width], x);
  const z = device.tensor('NCHW', [c.images, c.logitChannels, c.height, c.width], logits);
  const out = recorder.empty('NC', [c.images, c.channels + 1]);
  attentionSums(recorder, features, z, mask ? device.tensor('NCHW', [1, 1, c.height, c.width], mask) : null, out);
  recorder.keep(out);
  const program = await recorder.compile();
  program.run();
  const result = await device.read(out);
  program.destroy();
  return result;
}

const f64 = (a: Float32Array): Float64Array => Float64Array.from(a);

describe('attention pooling', () => {
  for (const c of cases) {
    it(`equals the reference, in one buffer and in several, and repeats itself, at ${c.images}x${c.channels}x${c.height}x${c.width}`, async () => {
      const draws = draw(c);
      const a = reference.attention(f64(draws.logits), c, 2);
      const result = await run(device, c, draws);
      // A quotient of sums with weights of one sign: 1e-5 of the features' size covers exp, log and the sums.
      expectClose(result.y, reference.attentionPool(f64(draws.x), a, c, 1), { abs: 1e-5 }, 'y');
      expectClose(result.dx, reference.attentionPoolGrad(a, f64(draws.dy), c, 1), { abs: 1e-5 }, 'dx');
      expect(result.logitGradient).toBeUndefined();
      expect(Math.abs(dot(result.y, draws.dy) - dot(result.dx, draws.x))).toBeLessThan(1e-5 * c.channels * c.images);
      expect(await run(splitDevice, c, draws)).toEqual(result);
    });
  }

  it('has a reference whose gradient is that of central differences', () => {
    const c = make(2, 3, 2, 3, 4);
    const { x, logits, dy } = draw(c);
    const a = reference.attention(f64(logits), c, 2);
    expectGradient((v) => reference.attentionPool(v, a, c, 1), f64(x), f64(dy), reference.attentionPoolGrad(a, f64(dy), c, 1));
  });

  it('gives sums of tiles that add up to those of the image', async () => {
    const c = make(1, 5, 2, 65, 64);
    const draws = draw(c);
    const left = Float32Array.from({ length: c.plane }, (_, p) => (p % c.width < 23 ? 1 : 0));
    const [whole, one, other] = [
      await sums(c, draws, null),
      await sums(c, draws, left),
      await sums(
        c,
        draws,
        left.map((v) => 1 - v),
      ),
    ];
    const expected = reference.attentionSums(f64(draws.x), reference.attention(f64(draws.logits), c, 2), c);
    expectClose(whole, expected, { abs: 1e-3, l2: 1e-5 }, 'whole');
    expectClose(
      one.map((v, i) => v + other[i]!),
      expected,
      { abs: 1e-3, l2: 1e-5 },
      'tiles',
    );
  });

  it('is finite and fades to 0 where every logit is very low, and is a mean where all are very high', async () => {
    const c = make(1, 2, 1, 8, 8);
    const draws = draw(c);
    expect([...(await run(device, c, { ...draws, logits: new Float32Array(64).fill(-100) })).y]).toEqual([0, 0]);
    const { y } = await run(device, c, { ...draws, logits: new Float32Array(64).fill(100) });
    expect(y[1]).toBeCloseTo(draws.x.subarray(64).reduce((s, v) => s + v, 0) / 65, 5);
  });

  it('refuses logits of another size', async () => {
    const shapes = {
      x: { axes: 'NCHW', shape: [1, 1, 2, 2], data: normals(1, 4) },
      z: { axes: 'NCHW', shape: [1, 1, 2, 1], data: normals(1, 2) },
    };
    await expect(runOp(device, shapes, (tape, { x, z }) => attentionPool(tape, x as Tensor<'NCHW'>, z as Tensor<'NCHW'>))).rejects.toThrow(
      /attentionPool: N, H and W differ/,
    );
  });
});
