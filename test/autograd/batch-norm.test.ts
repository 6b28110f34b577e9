import { describe, expect, it } from 'vitest';
import { batchNorm, type BatchNormOptions } from '../../src/autograd/ops/batch-norm.js';
import { relu } from '../../src/autograd/ops/relu.js';
import { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/batch-norm.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { expectGradient, largest } from '../support/gradient.js';
import { moved } from '../support/split.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 8192 });

interface Inputs {
  readonly shape: readonly number[];
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningVar: Float32Array;
  readonly dy: Float32Array;
}

interface Results {
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dweight: Float32Array;
  readonly dbias: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningVar: Float32Array;
}

type Op = typeof batchNorm;

/** Two runs of the recorded program would update the running statistics twice: this makes `runs` of them. */
async function run(on: Device, inputs: Inputs, options: BatchNormOptions, op: Op = batchNorm, runs = 1): Promise<Results> {
  const tape = new Tape(new Recorder(on));
  const x = on.tensor('NCHW', inputs.shape, inputs.x);
  const [weight, bias, runningMean, runningVar] = (['weight', 'bias', 'runningMean', 'runningVar'] as const).map((name) =>
    on.tensor('C', [inputs[name].length], inputs[name], name),
  ) as [Tensor<'C'>, Tensor<'C'>, Tensor<'C'>, Tensor<'C'>];
  for (const t of [x, weight, bias]) t.requiresGrad = true;
  const y = op(tape, x, { weight, bias, runningMean, runningVar }, options);
  tape.recorder.keep(y);
  const gradients = tape.backward(y, on.tensor('NCHW', inputs.shape, inputs.dy));
  for (const g of gradients.values()) tape.recorder.keep(g);
  const program = await tape.recorder.compile();
  for (let i = 0; i < runs; i++) program.run();
  const gradient = async (t: Tensor): Promise<Float32Array> => on.read(gradients.get(t)!);
  const results = {
    y: await on.read(y),
    dx: await gradient(x),
    dweight: await gradient(weight),
    dbias: await gradient(bias),
    runningMean: await on.read(runningMean),
    runningVar: await on.read(runningVar),
  };
  program.destroy();
  return results;
}

function draw(shape: readonly [number, number, number, number], { offset = 0, outlier = 0 } = {}): Inputs {
  const [n, c, h, w] = shape;
  const random = new Random(7, ...shape);
  const normals = (count: number, mean: number, deviation: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.normal(mean, deviation));
  const x = normals(n * c * h * w, offset, 1.5);
  if (outlier) x[0] = outlier;
  return {
    shape,
    x,
    weight: normals(c, 1, 0.3),
    bias: normals(c, 0, 0.5),
    runningMean: normals(c, offset, 0.5),
    runningVar: normals(c, 0, 1).map((v) => 0.5 + v * v),
    dy: normals(n * c * h * w, 0, 1),
  };
}

function expected(inputs: Inputs, { training, momentum = 0.1, eps = 1e-5 }: BatchNormOptions): Record<keyof Results, Float64Array> {
  const [n = 1, c = 1, h = 1, w = 1] = inputs.shape;
  const shape = [n, c, h * w] as const;
  const [x, weight, bias, runningMean, runningVar, dy] = (['x', 'weight', 'bias', 'runningMean', 'runningVar', 'dy'] as const).map((k) =>
    Float64Array.from(inputs[k]),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const batch = reference.batchStatistics(x, shape);
  const statistics = training ? batch : { mean: runningMean, variance: runningVar };
  const unbiased = (n * h * w) / (n * h * w - 1);
  const moved = (old: Float64Array, now: Float64Array, factor: number): Float64Array =>
    training ? old.map((v, i) => (1 - momentum) * v + momentum * factor * (now[i] ?? 0)) : old;
  return {
    y: reference.batchNorm(x, shape, statistics, weight, bias, eps),
    ...reference.batchNormGrad(x, shape, statistics, weight, dy, eps, training),
    runningMean: moved(runningMean, batch.mean, 1),
    runningVar: moved(runningVar, batch.variance, unbiased),
  };
}

/**
 * 2e-6 of the largest entry: a few roundings of 6e-8 per value, and sums of at most 64 + log2 terms per level. `scale` widens it
 * where x lies far from 0: a mean of m costs m * 6e-8 in every difference from it, relative to a deviation of 1.5.
 */
function expectReference(results: Results, inputs: Inputs, options: BatchNormOptions, scale = 1): void {
  for (const [name, values] of Object.entries(expected(inputs, options))) {
    expectClose(results[name as keyof Results], values, { abs: scale * 2e-6 * Math.max(1, largest(values)) }, name);
  }
}

describeGolden('batchNorm against PyTorch', () => {
  for (const name of listGolden('ops', 'batch_norm_')) {
    const golden = loadGolden(name);
    it(`${golden.case}: y, all gradients, running statistics`, async () => {
      const { training, momentum, eps } = golden.params as { training: boolean; momentum: number; eps: number };
      const input = (key: string): Float32Array => golden.f32(`in.${key}`);
      const inputs: Inputs = {
        shape: golden.shape('in.x'),
        x: input('x'),
        weight: input('weight'),
        bias: input('bias'),
        runningMean: input('running_mean'),
        runningVar: input('running_var'),
        dy: input('dy'),
      };
      const results = await run(device, inputs, { training, momentum, eps });
      golden.expectClose('out.y', results.y);
      golden.expectClose('grad.x', results.dx);
      golden.expectClose('grad.weight', results.dweight);
      golden.expectClose('grad.bias', results.dbias);
      if (training) {
        golden.expectClose('out.running_mean', results.runningMean);
        golden.expectClose('out.running_var', results.runningVar);
      } else {
        expect([results.runningMean, results.runningVar]).toEqual([inputs.runningMean, inputs.runningVar]);
      }
    });
  }
});

describe('batchNorm', () => {
  const shapes = [
    [2, 1, 1, 1],
    [3, 2, 1, 2],
    [1, 3, 17, 3],
    [2, 17, 64, 65],
    [5, 65, 2, 3],
    [1, 2, 130, 129],
    [2, 1, 280, 260],
  ] as const;
  for (const training of [true, false]) {
    for (const shape of shapes) {
      it(`equals the float64 reference at ${shape.join('x')}, training ${training}`, async () => {
        const inputs = draw(shape);
        expectReference(await run(device, inputs, { training, momentum: 0.2, eps: 1e-3 }), inputs, { training, momentum: 0.2, eps: 1e-3 });
      });
    }
  }

  it('keeps the variance of a map with a mean 5000 times its deviation', async () => {
    const inputs = draw([2, 3, 65, 64], { offset: 7500 });
    expectReference(await run(device, inputs, { training: true }), inputs, { training: true }, 500);
  });

  it('keeps the variance where the first pixel, from which differences are summed, is an outlier', async () => {
    const inputs = draw([2, 3, 65, 64], { outlier: 1e4 });
    const { runningVar } = await run(device, inputs, { training: true });
    const exact = expected(inputs, { training: true }).runningVar;
    // The outlier's invocation subtracts sums 64 times (its pixels) larger than their difference.
    expectClose(runningVar, exact, { each: Array.from(exact, (v) => 64 * 6e-7 * v) });
  });

  it('gives the same where maps are split over several buffers', async () => {
    const inputs = draw([2, 7, 17, 13]);
    const whole = await run(device, inputs, { training: true, relu: true });
    const parts = await run(splitDevice, inputs, { training: true, relu: true }, (tape, x, state, options) =>
      moved(tape, batchNorm(tape, moved(tape, x), state, options)),
    );
    expect(parts).toEqual(whole);
  });

  it('with relu equals batchNorm and relu one after the other', async () => {
    const inputs = draw([2, 5, 33, 31]);
    const fused = await run(device, inputs, { training: true, relu: true });
    const plain = await run(device, inputs, { training: true }, (tape, x, state, options) =>
      relu(tape, batchNorm(tape, x, state, options)),
    );
    expect(fused).toEqual(plain);
  });

  it('is bit-identical from run to run', async () => {
    const inputs = draw([2, 5, 65, 64]);
    const first = await run(device, inputs, { training: true });
    expect(await run(device, inputs, { training: true })).toEqual(first);
  });

  it('updates the running statistics once per run of the program', async () => {
    const inputs = draw([2, 3, 5, 7]);
    const once = await run(device, inputs, { training: true, momentum: 0.5 });
    const twice = await run(device, inputs, { training: true, momentum: 0.5 }, batchNorm, 2);
    const again = await run(
      device,
      { ...inputs, runningMean: once.runningMean, runningVar: once.runningVar },
      { training: true, momentum: 0.5 },
    );
    expect([twice.runningMean, twice.runningVar]).toEqual([again.runningMean, again.runningVar]);
  });

  it('names both channel counts when they differ, and refuses one value per channel in training', async () => {
    const inputs = draw([1, 3, 1, 1]);
    await expect(run(device, { ...inputs, bias: new Float32Array(4) }, { training: false })).rejects.toThrow(
      /bias has 4 channels, expected 3/,
    );
    await expect(run(device, inputs, { training: true })).rejects.toThrow(/1 value per channel, expected at least 2/);
  });
});

describe('the reference of batchNorm', () => {
  for (const training of [true, false]) {
    it(`has the gradients of central differences, training ${training}`, () => {
      const shape = [2, 3, 5] as const;
      const { x, weight, bias, runningMean, runningVar, dy } = Object.fromEntries(
        Object.entries(draw([2, 3, 5, 1])).map(([k, v]) => [k, Float64Array.from(v as ArrayLike<number>)]),
      ) as unknown as Record<keyof Inputs, Float64Array>;
      const fixed = { mean: runningMean, variance: runningVar };
      const statistics = (v: Float64Array): reference.Statistics => (training ? reference.batchStatistics(v, shape) : fixed);
      const forward = (v: Float64Array, w: Float64Array, b: Float64Array): Float64Array =>
        reference.batchNorm(v, shape, statistics(v), w, b, 1e-5);
      const { dx, dweight, dbias } = reference.batchNormGrad(x, shape, statistics(x), weight, dy, 1e-5, training);
      expectGradient((v) => forward(v, weight, bias), x, dy, dx);
      expectGradient((w) => forward(x, w, bias), weight, dy, dweight);
      expectGradient((b) => forward(x, weight, b), bias, dy, dbias);
    });
  }
});
