import { describe, expect, it } from 'vitest';
import { batchNorm } from '../../src/autograd/ops/batch-norm.js';
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/batch-norm.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { expectClose } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { largest } from '../support/gradient.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 65536 });

interface Case {
  readonly n: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
}

/** Running mean and variance after one step of momentum 1, that is the statistics of the batch, and the convolution's result. */
async function statistics(on: Device, { n, inChannels, outChannels, height, width }: Case) {
  const random = new Random(3, n, inChannels, outChannels, height, width);
  const normals = (count: number, mean: number): Float32Array => Float32Array.from({ length: count }, () => random.normal(mean, 1));
  const tape = new Tape(new Recorder(on));
  const x = on.tensor('NCHW', [n, inChannels, height, width], normals(n * inChannels * height * width, 0));
  const weight = on.tensor('OIHW', [outChannels, inChannels, 3, 3], normals(outChannels * inChannels * 9, 0));
  const bias = on.tensor('C', [outChannels], normals(outChannels, 50)); // a mean that would cancel in a sum of squares
  const vector = (value: number) => on.tensor('C', [outChannels], new Float32Array(outChannels).fill(value));
  const state = { weight: vector(1), bias: vector(0), runningMean: vector(0), runningVar: vector(1) };
  const z = conv2d(tape, x, weight, bias, { padding: 1, moments: true });
  const tookMoments = z.moments !== undefined;
  const y = batchNorm(tape, z, state, { training: true, momentum: 1 });
  for (const map of [z, y]) tape.recorder.keep(map);
  const program = await tape.recorder.compile();
  program.run();
  const [map, mean, variance] = [await on.read(z), await on.read(state.runningMean), await on.read(state.runningVar)];
  program.destroy();
  return { tookMoments, map, mean, variance };
}

const cases: readonly Case[] = [
  { n: 1, inChannels: 1, outChannels: 1, height: 1, width: 2 },
  { n: 2, inChannels: 3, outChannels: 9, height: 5, width: 7 },
  { n: 3, inChannels: 16, outChannels: 40, height: 33, width: 18 },
  { n: 1, inChannels: 100, outChannels: 33, height: 6, width: 5 }, // weights of several uniform bindings
  { n: 1, inChannels: 8, outChannels: 3, height: 40, width: 130 },
  { n: 2, inChannels: 40, outChannels: 41, height: 33, width: 66 }, // by Winograd
];

describe('the moments that a convolution leaves for the batch norm behind it', () => {
  it.each(cases)('are those of its result: %o', async (c) => {
    const { map, mean, variance, tookMoments } = await statistics(device, c);
    expect(tookMoments).toBe(device.subgroups && device.adapter.isFallbackAdapter);
    const pixels = c.n * c.height * c.width;
    const exact = reference.batchStatistics(Float64Array.from(map), [c.n, c.outChannels, c.height * c.width]);
    const unbiased = exact.variance.map((v) => (v * pixels) / (pixels - 1));
    expectClose(mean, exact.mean, { abs: 5e-7 * largest(exact.mean) }, 'mean');
    expectClose(variance, unbiased, { abs: 2e-6 * largest(unbiased) }, 'variance');
  });

  it('are taken in a pass of their own where the map lies in several buffers', async () => {
    const { map, mean } = await statistics(splitDevice, { n: 1, inChannels: 24, outChannels: 20, height: 33, width: 40 });
    const exact = reference.batchStatistics(Float64Array.from(map), [1, 20, 33 * 40]);
    expectClose(mean, exact.mean, { abs: 5e-7 * largest(exact.mean) }, 'mean');
  });
});
