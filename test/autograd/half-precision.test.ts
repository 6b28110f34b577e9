// Ops on maps of half precision: sums and everything else are f32, and every stored number is off by half of its last place at most.
import { describe, expect, it } from 'vitest';
import { attentionPool } from '../../src/autograd/ops/attention-pool.js';
import { avgPool2d } from '../../src/autograd/ops/avg-pool2d.js';
import { batchNorm, batchNormOnRead } from '../../src/autograd/ops/batch-norm.js';
import { bceWithLogits } from '../../src/autograd/ops/bce-with-logits.js';
import { bilinear } from '../../src/autograd/ops/bilinear.js';
import { channelScale } from '../../src/autograd/ops/channel-scale.js';
import { add } from '../../src/autograd/ops/add.js';
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import { conv2dUpsampled } from '../../src/autograd/ops/conv2d-upsampled.js';
import { crossEntropy } from '../../src/autograd/ops/cross-entropy.js';
import { dropout } from '../../src/autograd/ops/dropout.js';
import { focalLoss } from '../../src/autograd/ops/focal-loss.js';
import { gelu } from '../../src/autograd/ops/gelu.js';
import { globalAvgPool2d, globalMaxPool2d } from '../../src/autograd/ops/global-pool2d.js';
import { hybridLoss } from '../../src/autograd/ops/hybrid-loss.js';
import { layerNorm } from '../../src/autograd/ops/layer-norm.js';
import { asFloats, asMap } from '../../src/autograd/ops/map-type.js';
import { maxPool2d } from '../../src/autograd/ops/max-pool2d.js';
import { diceLoss } from '../../src/autograd/ops/overlap-loss.js';
import { relu } from '../../src/autograd/ops/relu.js';
import { sigmoid } from '../../src/autograd/ops/sigmoid.js';
import { softmax } from '../../src/autograd/ops/softmax.js';
import { ssimLoss } from '../../src/autograd/ops/ssim-loss.js';
import type { Tape } from '../../src/autograd/tape.js';
import { Random } from '../../src/random.js';
import { fromHalves, toHalves } from '../../src/runtime/half.js';
import type { ElementType } from '../../src/runtime/storage.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { expectClose } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { largest } from '../support/gradient.js';
import { moved } from '../support/split.js';
import { convBounds, convCases, convData, describeConv, runConv, runPlainConv, type ConvCase, type ConvData } from './conv2d.cases.js';

const device = await testDevice();
const portable = await testDevice({ portable: true });

/** Half of the last place: of a normal number relative to it, of the smallest ones absolute. */
const PLACE = 2 ** -11;
const LEAST = 2 ** -25;

const rounded = (values: Float32Array): Float32Array<ArrayBuffer> => fromHalves(toHalves(values)).subarray(0, values.length);

describe.runIf(device.halfPrecision)('conv2d in half precision', () => {
  /** Data that maps of half precision hold exactly. */
  const halfData = (data: ConvData): ConvData => ({ ...data, x: rounded(data.x), dy: rounded(data.dy) });
  /** The largest magnitudes that the sums of a convolution can pass through: sum of |a b|, out of its bound in float32. */
  const magnitudes = (each: readonly number[], terms: number): number[] => each.map((e) => e / (4 * Math.sqrt(terms) * 2 ** -24));
  /**
   * The bound of float32, and for maps the rounding of what is stored. More than 227 input channels of a 3x3 kernel are two dispatches: the
   * sum of the first is stored between.
   */
  const boundsOf = (c: ConvCase, data: ConvData) =>
    Object.entries(convBounds(c, data)).map(([key, { expected, each }]) => {
      const name = key as 'y' | 'dx' | 'dw' | 'db';
      if (name === 'dw' || name === 'db') return { name, expected, each };
      const between = name === 'y' && c.inChannels > 227 ? magnitudes(each, 9 * c.inChannels + 1) : [];
      return { name, expected, each: each.map((e, i) => e + PLACE * (Math.abs(expected[i] ?? 0) + (between[i] ?? 0)) + LEAST) };
    });

  for (const c of convCases) {
    it(`equals float64 but for the rounding of y and dx, with fast and plain kernels, at ${describeConv(c)}`, async () => {
      const data = halfData(convData(c));
      const results = [await runConv(device, c, data, undefined, 'f16'), await runPlainConv(device, c, data, 'f16')];
      for (const result of results)
        for (const { name, expected, each } of boundsOf(c, data)) expectClose(result[name], expected, { each }, name);
    });
  }

  it('rounds once more for every buffer that its input is split over', async () => {
    const split = await testDevice({ maxBindingBytes: 70000 });
    const c = convCases.find((k) => k.inChannels === 17 && k.stride === 2)!;
    const wide = { ...c, inChannels: 40, height: 65, width: 65, stride: 1, padding: 1, kernelHeight: 3, kernelWidth: 3, outChannels: 5 };
    const data = halfData(convData(wide));
    const { y } = await runConv(split, wide, data, moved, 'f16');
    const { expected, each } = convBounds(wide, data).y;
    const buffers = Math.ceil((2 * data.x.length) / 70000);
    expect(buffers).toBeGreaterThan(2);
    expectClose(y, expected, { each: magnitudes(each, 9 * wide.inChannels + 1).map((m) => (buffers + 1) * PLACE * m) }, 'y');
  });

  it('gives the same bits on two runs', async () => {
    const c = convCases.find((k) => k.height * k.width > 4000)!;
    const data = convData(c);
    expect(await runConv(device, c, data, undefined, 'f16')).toEqual(await runConv(device, c, data, undefined, 'f16'));
  });
});

interface Case {
  readonly op: (tape: Tape, t: Readonly<Record<string, Tensor>>) => Tensor;
  /** Beside x, with their gradients. */
  readonly vectors?: Readonly<Record<string, number>>;
  /** Weights of a convolution, with their gradient. */
  readonly kernel?: readonly number[];
  /** Targets: of x's shape, floats, without gradient. */
  readonly target?: boolean;
  /** How many roundings of numbers as large as the largest result lie between: maps on the way are stored, too. */
  readonly roundings: number;
}

const x = (t: Readonly<Record<string, Tensor>>): Tensor<'NCHW'> => t.x as Tensor<'NCHW'>;
const vector = (t: Readonly<Record<string, Tensor>>, name: string): Tensor<'C'> => t[name] as Tensor<'C'>;

/** x, to be normalised by whoever reads it. */
function normalised(tape: Tape, t: Readonly<Record<string, Tensor>>): Tensor<'NCHW'> {
  const [runningMean, runningVar] = [0, 1].map((v) => tape.recorder.device.tensor('C', [8], new Float32Array(8).fill(v)));
  const state = { weight: vector(t, 'weight'), bias: vector(t, 'bias'), runningMean: runningMean!, runningVar: runningVar! };
  return batchNormOnRead(tape, x(t), state, { training: true });
}

const SHAPE = [2, 8, 17, 13];
const COUNT = SHAPE.reduce((product, s) => product * s, 1);

const CASES: Readonly<Record<string, Case>> = {
  relu: { op: (tape, t) => relu(tape, x(t)), roundings: 1 },
  'sigmoid, whose gradient reads y': { op: (tape, t) => sigmoid(tape, x(t)), roundings: 3 },
  'softmax, whose gradient reads y': { op: (tape, t) => softmax(tape, x(t), 'C'), roundings: 3 },
  'add of five': { op: (tape, t) => add(tape, [x(t), x(t), x(t), x(t), x(t)]), roundings: 4 },
  dropout: {
    op: (tape, t) => {
      const seed = tape.recorder.device.tensor('E', [1], [7]);
      return dropout(tape, x(t), { probability: 0.3, seed, layer: 1 });
    },
    roundings: 1,
  },
  gelu: { op: (tape, t) => gelu(tape, x(t)), roundings: 1 },
  'channel scale': { op: (tape, t) => channelScale(tape, x(t), vector(t, 'gamma')), vectors: { gamma: 8 }, roundings: 1 },
  'layer norm': {
    op: (tape, t) => layerNorm(tape, x(t), vector(t, 'weight'), vector(t, 'bias')),
    vectors: { weight: 8, bias: 8 },
    roundings: 1,
  },
  'batch norm with ReLU': {
    op: (tape, t) => {
      const [runningMean, runningVar] = [0, 1].map((v) => tape.recorder.device.tensor('C', [8], new Float32Array(8).fill(v)));
      const state = { weight: vector(t, 'weight'), bias: vector(t, 'bias'), runningMean: runningMean!, runningVar: runningVar! };
      return batchNorm(tape, x(t), state, { training: true, relu: true });
    },
    vectors: { weight: 8, bias: 8 },
    roundings: 1,
  },
  'batch norm applied by a 3x3 convolution': {
    op: (tape, t) => conv2d(tape, normalised(tape, t), t.kernel as Tensor<'OIHW'>, null, { padding: 1 }),
    vectors: { weight: 8, bias: 8 },
    kernel: [5, 8, 3, 3],
    roundings: 2,
  },
  'batch norm applied by a 1x1 convolution': {
    op: (tape, t) => conv2d(tape, normalised(tape, t), t.kernel as Tensor<'OIHW'>, null),
    vectors: { weight: 8, bias: 8 },
    kernel: [5, 8, 1, 1],
    roundings: 2,
  },
  'batch norm applied by a max pool': {
    op: (tape, t) => maxPool2d(tape, normalised(tape, t), { kernelSize: 2 }),
    vectors: { weight: 8, bias: 8 },
    roundings: 2,
  },
  'max pool 2': { op: (tape, t) => maxPool2d(tape, x(t), { kernelSize: 2 }), roundings: 1 },
  'max pool 3 stride 2': { op: (tape, t) => maxPool2d(tape, x(t), { kernelSize: 3, stride: 2, padding: 1 }), roundings: 1 },
  'average pool': { op: (tape, t) => avgPool2d(tape, x(t), { kernelSize: 2 }), roundings: 1 },
  'global average pool': { op: (tape, t) => globalAvgPool2d(tape, x(t)), roundings: 1 },
  'global max pool': { op: (tape, t) => globalMaxPool2d(tape, x(t)), roundings: 1 },
  'bilinear x2, whose gradient is stored after each axis': {
    op: (tape, t) => bilinear(tape, x(t), { height: 34, width: 26 }),
    roundings: 3,
  },
  'bilinear to odd sizes': { op: (tape, t) => bilinear(tape, x(t), { height: 23, width: 5 }), roundings: 6 },
  'attention pool': {
    op: (tape, t) => attentionPool(tape, x(t), maxPool2d(tape, x(t), { kernelSize: 1 })),
    roundings: 2,
  },
  'BCE with logits': { op: (tape, t) => bceWithLogits(tape, x(t), t.target!), target: true, roundings: 1 },
  'focal loss': { op: (tape, t) => focalLoss(tape, x(t), t.target!), target: true, roundings: 1 },
  'Dice loss': { op: (tape, t) => diceLoss(tape, x(t), t.target!), target: true, roundings: 1 },
  'SSIM loss': { op: (tape, t) => ssimLoss(tape, x(t), t.target as Tensor<'NCHW'>, { windowSize: 5 }), target: true, roundings: 1 },
  'hybrid loss, the sum of three': {
    op: (tape, t) => hybridLoss(tape, x(t), t.target as Tensor<'NCHW'>, { msSsim: { windowSize: 3, weights: [0.5, 0.5] } }).total,
    target: true,
    roundings: 3,
  },
  'cross-entropy': { op: (tape, t) => crossEntropy(tape, x(t), t.target!), target: true, roundings: 1 },
};

function draw({ vectors = {}, kernel, target = false }: Case): Record<string, HostArray> {
  const random = new Random(5);
  const normal = (length: number): Float32Array<ArrayBuffer> => rounded(Float32Array.from({ length }, () => random.normal()));
  const arrays: Record<string, HostArray> = { x: { axes: 'NCHW', shape: SHAPE, data: normal(COUNT) } };
  for (const [name, length] of Object.entries(vectors)) arrays[name] = { axes: 'C', shape: [length], data: normal(length) };
  if (kernel) arrays.kernel = { axes: 'OIHW', shape: kernel, data: normal(kernel.reduce((a, b) => a * b, 1)) };
  if (target)
    arrays.target = { axes: 'NCHW', shape: SHAPE, element: 'f32', data: Float32Array.from({ length: COUNT }, () => random.int(2)) };
  return arrays;
}

describe.runIf(device.halfPrecision)('in half precision, as in float32 (which equals float64 to 1e-5) but for what is stored,', () => {
  for (const [name, c] of Object.entries(CASES)) {
    it(`is ${name}, forward and backward, and repeats itself bit for bit`, async () => {
      const inputs = draw(c);
      const wrt = Object.keys(inputs).filter((key) => key !== 'target');
      const probe = await runOp(device, inputs, c.op);
      const random = new Random(6);
      // As large as a loss scale makes it: the gradient of a mean would be below what halves can hold.
      const dy = rounded(probe.y.map(() => (probe.y.length === 1 ? 1024 : random.normal())));
      const run = (maps: ElementType) => runOp(device, inputs, c.op, dy, wrt, maps);
      const [expected, found] = [await run('f32'), await run('f16')];
      const bound = (values: Float32Array, isMap: boolean) => ({
        abs: (isMap ? c.roundings * PLACE : (c.roundings - 1) * PLACE + 1e-5) * largest(values) + LEAST,
      });
      expectClose(found.y, expected.y, bound(expected.y, found.shape.length === 4), 'y');
      for (const key of wrt) {
        const gradient = expected.grads[key] ?? new Float32Array();
        expect(largest(gradient)).toBeGreaterThan(0);
        expectClose(found.grads[key] ?? [], gradient, bound(gradient, key === 'x'), `gradient by ${key}`);
      }
      expect(await run('f16')).toEqual(found);
    });
  }

  it('is a convolution of an upsampled map, which stores the mixed channels twice on its way', async () => {
    const random = new Random(9);
    const normal = (length: number): Float32Array<ArrayBuffer> => rounded(Float32Array.from({ length }, () => random.normal()));
    const inputs = {
      x: { axes: 'NCHW', shape: [2, 12, 9, 7], data: normal(2 * 12 * 63) },
      weight: { axes: 'OIHW', shape: [5, 12, 3, 3], data: normal(5 * 12 * 9) },
      bias: { axes: 'C', shape: [5], data: normal(5) },
    };
    const op = (tape: Tape, t: Record<string, Tensor>): Tensor =>
      conv2dUpsampled(tape, x(t), t.weight as Tensor<'OIHW'>, vector(t, 'bias'), { scale: 4 });
    const dy = normal(2 * 5 * 36 * 28);
    const [expected, found] = [await runOp(device, inputs, op, dy), await runOp(device, inputs, op, dy, undefined, 'f16')];
    // Nine taps are added along each axis, each rounded: a random walk of 3 + 1 roundings of the largest, four standard deviations.
    for (const [a, b] of [[found.y, expected.y], ...Object.keys(inputs).map((k) => [found.grads[k]!, expected.grads[k]!])] as const)
      expectClose(a, b, { abs: 4 * PLACE * largest(b) });
  });
});

describe.runIf(device.halfPrecision)('asMap and asFloats', () => {
  it('convert forward and backward, and are nothing where the type is right already', async () => {
    const inputs = {
      x: { axes: 'NCHW', shape: SHAPE, data: Float32Array.from({ length: COUNT }, (_, i) => i / 7), element: 'f32' as const },
    };
    const there = await runOp(
      device,
      inputs,
      (tape, t) => asMap(tape, x(t)),
      Float32Array.from({ length: COUNT }, (_, i) => -i / 3),
      ['x'],
      'f16',
    );
    expect(there.y).toEqual(rounded(inputs.x.data));
    expect(there.grads.x).toEqual(rounded(Float32Array.from({ length: COUNT }, (_, i) => -i / 3)));
    const back = await runOp(device, inputs, (tape, t) => asFloats(tape, asMap(tape, x(t))), undefined, [], 'f16');
    expect(back.y).toEqual(there.y);
    await runOp(device, inputs, (tape, t) => {
      expect(asMap(tape, x(t))).toBe(t.x);
      return relu(tape, x(t));
    });
  });
});

describe('half precision', () => {
  it('is refused, with the adapter and the repair, on a device without it', async () => {
    const inputs = { x: { axes: 'NCHW', shape: [1, 1, 1, 1], data: [1] } };
    await expect(runOp(portable, inputs, (tape, t) => relu(tape, x(t)), undefined, [], 'f16')).rejects.toThrow(
      /f16 was asked for, but the adapter .+ was opened with portable kernels alone\. Use f32, or choose another adapter/,
    );
  });
});
