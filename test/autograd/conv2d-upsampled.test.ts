import { describe, expect, it } from 'vitest';
import { bilinear } from '../../src/autograd/ops/bilinear.js';
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import { conv2dUpsampled, upsamplingScale } from '../../src/autograd/ops/conv2d-upsampled.js';
import { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/conv2d-upsampled.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { expectClose } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { dot } from '../support/gradient.js';
import { moved } from '../support/split.js';

type Case = reference.UpsampledShape;

const device = await testDevice();
// A few planes per buffer, and few packed weights.
const split = await testDevice({ maxBindingBytes: 70000 });

const shape = (n: number, inChannels: number, outChannels: number, height: number, width: number, scale: number): Case => ({
  n,
  inChannels,
  outChannels,
  height,
  width,
  scale,
});

/** Low sizes that are 1, odd, and not a multiple of a strip; every ratio along every one of them. */
const cases: readonly Case[] = [
  ...[2, 4, 8, 16].flatMap((scale) => [shape(1, 1, 1, 1, 1, scale), shape(2, 3, 8, 2, 3, scale), shape(1, 8, 3, 5, 1, scale)]),
  shape(1, 3, 1, 1, 17, 2),
  shape(2, 8, 8, 17, 5, 2),
  shape(1, 40, 8, 5, 17, 2),
  shape(2, 3, 3, 17, 3, 4),
  shape(1, 40, 8, 3, 5, 4),
  shape(1, 40, 8, 2, 3, 8),
  shape(1, 3, 8, 3, 17, 8),
  shape(1, 8, 1, 2, 5, 16),
];

interface Data {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly dy: Float32Array;
}

interface Result {
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dw: Float32Array;
  readonly db: Float32Array;
}

function describeCase({ n, inChannels, outChannels, height, width, scale }: Case): string {
  return `${n}x${inChannels}x${height}x${width} enlarged ${scale} times -> ${outChannels}`;
}

function draw(c: Case): Data {
  const random = new Random(11, c.n, c.inChannels, c.outChannels, c.height, c.width, c.scale);
  const normal = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  return {
    x: normal(c.n * c.inChannels * c.height * c.width),
    weight: normal(9 * c.outChannels * c.inChannels),
    bias: normal(c.outChannels),
    dy: normal(c.n * c.outChannels * c.height * c.width * c.scale ** 2),
  };
}

function hostArrays(c: Case, { x, weight, bias }: Data): Record<'x' | 'weight' | 'bias', HostArray> {
  return {
    x: { axes: 'NCHW', shape: [c.n, c.inChannels, c.height, c.width], data: x },
    weight: { axes: 'OIHW', shape: [c.outChannels, c.inChannels, 3, 3], data: weight },
    bias: { axes: 'C', shape: [c.outChannels], data: bias },
  };
}

type Op = (tape: Tape, x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, bias: Tensor<'C'>, options: { scale: number }) => Tensor<'NCHW'>;

const direct: Op = (tape, x, weight, bias, { scale }) =>
  conv2d(tape, bilinear(tape, x, { height: scale * x.dim('H'), width: scale * x.dim('W') }), weight, bias, { padding: 1 });

/** Forward and backward. With `pass`, x and y go through that op, so that x, y and dy are transient maps. */
async function run(on: Device, c: Case, data: Data, op: Op = conv2dUpsampled, pass = (_: Tape, x: Tensor<'NCHW'>) => x): Promise<Result> {
  const { y, grads } = await runOp(
    on,
    hostArrays(c, data),
    (tape, t) => pass(tape, op(tape, pass(tape, t.x as Tensor<'NCHW'>), t.weight as Tensor<'OIHW'>, t.bias as Tensor<'C'>, c)),
    data.dy,
  );
  return { y, dx: grads.x ?? new Float32Array(), dw: grads.weight ?? new Float32Array(), db: grads.bias ?? new Float32Array() };
}

interface Bound {
  readonly expected: Float64Array;
  readonly each: readonly number[];
}

/** The float64 reference, and 4*sqrt(K)*2^-24*sum|a*b| over the K products of an entry with the 4 terms of each interpolation. */
function bounds(c: Case, data: Data): Record<keyof Result, Bound> {
  const evaluate = (f: (v: number) => number): Record<keyof Result, Float64Array> => {
    const [x, weight, bias, dy] = [data.x, data.weight, data.bias, data.dy].map((a) => Float64Array.from(a, f)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    return {
      y: reference.conv2dUpsampled(x, weight, bias, c),
      dx: reference.conv2dUpsampledGradInput(weight, dy, c),
      dw: reference.conv2dUpsampledGradWeight(x, dy, c),
      db: reference.conv2dUpsampledGradBias(dy, c),
    };
  };
  const expected = evaluate((v) => v);
  const magnitude = evaluate(Math.abs);
  const pixels = data.dy.length / c.outChannels;
  const terms = { y: 36 * c.inChannels + 1, dx: 36 * c.outChannels * c.scale ** 2, dw: 4 * pixels, db: pixels };
  const bound = (key: keyof Result): Bound => ({
    expected: expected[key],
    each: Array.from(magnitude[key], (m) => 4 * Math.sqrt(terms[key]) * 2 ** -24 * m),
  });
  return { y: bound('y'), dx: bound('dx'), dw: bound('dw'), db: bound('db') };
}

function expectWithin(result: Result, bound: Record<keyof Result, Bound>, name: string): void {
  for (const key of ['y', 'dx', 'dw', 'db'] as const)
    expectClose(result[key], bound[key].expected, { each: bound[key].each }, `${name}: ${key}`);
}

describe('conv2dUpsampled', () => {
  it.each(cases.map((c) => [describeCase(c), c] as const))(
    'equals the float64 reference, forward and all gradients, at %s',
    async (name, c) => {
      const data = draw(c);
      expectWithin(await run(device, c, data), bounds(c, data), name);
    },
  );

  it('equals bilinear and then conv2d, forward and all gradients', async () => {
    for (const c of cases.filter((k) => k.inChannels >= 8)) {
      const data = draw(c);
      const [commuted, twice, bound] = [await run(device, c, data), await run(device, c, data, direct), bounds(c, data)];
      for (const key of ['y', 'dx', 'dw', 'db'] as const)
        expectClose(commuted[key], twice[key], { each: bound[key].each.map((e) => 2 * e) }, `${describeCase(c)}: ${key}`);
    }
  });

  it('gives the same where maps are split over several buffers', async () => {
    for (const c of cases.filter((k) => k.inChannels * k.outChannels >= 24 && k.height * k.width > 5)) {
      const data = draw(c);
      const bound = bounds(c, data);
      expectWithin(await run(split, c, data, conv2dUpsampled, moved), bound, describeCase(c));
    }
  });

  it('gives the same bits on two runs', async () => {
    for (const c of cases.filter((k) => k.inChannels === 40)) {
      const data = draw(c);
      expect(await run(device, c, data)).toEqual(await run(device, c, data));
    }
  });

  it('applies a ReLU to the sum, with and without gradients', async () => {
    const c = shape(2, 8, 3, 3, 5, 4);
    const data = draw(c);
    const op = (tape: Tape, t: Record<string, Tensor>): Tensor =>
      conv2dUpsampled(tape, t.x as Tensor<'NCHW'>, t.weight as Tensor<'OIHW'>, t.bias as Tensor<'C'>, { scale: 4, relu: true });
    const { expected, each } = bounds(c, data).y;
    const inferred = await runOp(device, hostArrays(c, data), op);
    expectClose(
      inferred.y,
      expected.map((v) => Math.max(v, 0)),
      { each },
    );
    expect((await runOp(device, hostArrays(c, data), op, data.dy)).y).toEqual(inferred.y);
  });

  it('works without bias, and gives gradients only to inputs that want one', async () => {
    const c = shape(1, 3, 8, 2, 3, 2);
    const data = { ...draw(c), bias: new Float32Array(8) };
    const bound = bounds(c, data);
    for (const wanted of ['x', 'weight'] as const) {
      const { y, grads } = await runOp(
        device,
        hostArrays(c, data),
        (tape, t) => conv2dUpsampled(tape, t.x as Tensor<'NCHW'>, t.weight as Tensor<'OIHW'>, null, c),
        data.dy,
        [wanted],
      );
      expectClose(y, bound.y.expected, { each: bound.y.each });
      expect(Object.keys(grads)).toEqual([wanted]);
      const { expected, each } = bound[wanted === 'x' ? 'dx' : 'dw'];
      expectClose(grads[wanted] ?? [], expected, { each });
    }
  });

  it('has gradients that are the adjoints of the forward pass: <y, dy> = <x, dx> = <weight, dw>', async () => {
    for (const c of cases) {
      const data = { ...draw(c), bias: new Float32Array(c.outChannels) };
      const { y, dx, dw } = await run(device, c, data);
      const scale = Math.sqrt(dot(y, y) * dot(data.dy, data.dy));
      const forward = dot(y, data.dy);
      expect(Math.abs(forward - dot(data.x, dx))).toBeLessThan(1e-6 * scale);
      expect(Math.abs(forward - dot(data.weight, dw))).toBeLessThan(1e-6 * scale);
    }
  });

  it('names what does not fit', () => {
    const tape = new Tape(new Recorder(device));
    const x = tape.empty('NCHW', [1, 8, 5, 5], 'x');
    const weight = tape.empty('OIHW', [4, 8, 3, 3], 'weight');
    expect(() => conv2dUpsampled(tape, x, weight, null, { scale: 3 })).toThrow(/scale 3 .*expected 2, 4, 8, 16/);
    expect(() => conv2dUpsampled(tape, x, tape.empty('OIHW', [4, 8, 1, 1]), null, { scale: 2 })).toThrow(/3x3 weights/);
    expect(() => conv2dUpsampled(tape, x, tape.empty('OIHW', [4, 7, 3, 3]), null, { scale: 2 })).toThrow(/8 channels, weight takes 7/);
    expect(() => conv2dUpsampled(tape, x, weight, tape.empty('C', [3]), { scale: 2 })).toThrow(/bias has 3 entries, weight 4 output/);
  });
});

describe('upsamplingScale', () => {
  const scaleOf = (
    on: Device,
    [channels, outputs, side]: [number, number, number],
    height: number,
    width = height,
    taps = 3,
  ): number | null => {
    const tape = new Tape(new Recorder(on));
    return upsamplingScale(tape, tape.empty('NCHW', [1, channels, side, side]), tape.empty('OIHW', [outputs, channels, taps, taps]), {
      height,
      width,
    });
  };

  it('is the ratio of the sizes where mixing at low resolution costs less', () => {
    for (const scale of [2, 4, 8, 16]) expect(scaleOf(device, [40, 8, 4], 4 * scale)).toBe(scale);
    expect(scaleOf(device, [8, 8, 4], 16)).toBe(4);
  });

  it('is null where the map between is larger than what it saves, or a channel of it exceeds a binding', () => {
    expect(scaleOf(device, [8, 8, 4], 8)).toBeNull();
    expect(scaleOf(device, [1, 8, 4], 64)).toBeNull();
    expect([scaleOf(split, [40, 8, 44], 88), scaleOf(split, [40, 8, 45], 90)]).toEqual([2, null]);
  });

  it('is null where packed weights do not fit a binding', async () => {
    expect(scaleOf(await testDevice({ maxBindingBytes: 65535 }), [40, 8, 4], 8)).toBeNull();
  });

  it('is null for other ratios and other kernels', () => {
    expect(scaleOf(device, [40, 8, 4], 12)).toBeNull();
    expect(scaleOf(device, [40, 8, 4], 4)).toBeNull();
    expect(scaleOf(device, [40, 8, 4], 8, 16)).toBeNull();
    expect(scaleOf(device, [40, 8, 4], 8, 8, 1)).toBeNull();
  });
});
