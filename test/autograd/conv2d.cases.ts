// Cases of conv2d shared by its tests: ragged sizes, data from a seed, and error bounds from the float64 reference.
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import type { Tape } from '../../src/autograd/tape.js';
import * as kernels from '../../src/kernels/conv2d.js';
import { conv2dGradBias } from '../../src/kernels/conv2d-grad-bias.js';
import { plainConv2dGradWeight } from '../../src/kernels/conv2d-grad-weight.js';
import * as reference from '../../src/kernels/reference/conv2d.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { ElementType } from '../../src/runtime/storage.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { runOp, type HostArray } from '../support/gpu.js';

export type ConvCase = reference.ConvShape;

const square = (
  n: number,
  inChannels: number,
  outChannels: number,
  height: number,
  width: number,
  k: number,
  stride: number,
  padding: number,
  dilation = 1,
): ConvCase => ({
  n,
  inChannels,
  outChannels,
  height,
  width,
  kernelHeight: k,
  kernelWidth: k,
  stride,
  padding,
  dilation,
});

export const convCases: readonly ConvCase[] = [
  square(1, 1, 1, 1, 1, 3, 1, 1),
  square(1, 2, 2, 2, 2, 3, 1, 1),
  square(2, 3, 8, 3, 17, 3, 1, 1),
  square(1, 17, 9, 17, 3, 3, 1, 1),
  square(1, 8, 16, 65, 64, 3, 1, 1),
  square(1, 2, 5, 7, 9, 3, 1, 0),
  square(1, 3, 4, 6, 5, 3, 1, 2),
  square(1, 230, 3, 5, 4, 3, 1, 1),
  square(2, 40, 8, 17, 13, 3, 1, 1),
  square(1, 5, 17, 12, 65, 3, 1, 2, 2),
  square(2, 3, 9, 7, 5, 3, 1, 4, 4),
  square(1, 2, 4, 75, 9, 3, 1, 1, 2),
  square(1, 4, 3, 40, 12, 3, 1, 6, 3),
  square(2, 3, 8, 9, 10, 3, 2, 1),
  square(1, 64, 65, 5, 6, 1, 1, 0),
  square(2, 9, 3, 33, 17, 1, 1, 0),
  square(1, 1, 1, 1, 2, 1, 1, 0),
  square(2, 17, 24, 17, 13, 1, 2, 0),
  square(1, 300, 65, 3, 2, 1, 1, 0),
  square(1, 4, 5, 13, 9, 5, 3, 2, 2),
  { ...square(1, 3, 4, 7, 9, 3, 1, 1), kernelHeight: 1, kernelWidth: 4 },
  { ...square(2, 6, 9, 7, 5, 3, 1, 1), groups: 3 },
  { ...square(1, 20, 10, 9, 8, 1, 2, 0), groups: 2 },
  { ...square(2, 5, 10, 17, 13, 3, 2, 1), groups: 5 },
  { ...square(1, 4, 4, 9, 12, 5, 1, 4, 2), groups: 4 },
  { ...square(1, 3, 3, 3, 3, 7, 1, 3), groups: 3 },
  { ...square(2, 17, 17, 65, 17, 7, 1, 3), groups: 17 },
  { ...square(1, 8, 8, 9, 70, 7, 1, 0), groups: 8 },
  { ...square(1, 2, 2, 1, 1, 3, 1, 1), groups: 2 },
  { ...square(2, 5, 5, 11, 6, 2, 1, 1), groups: 5 },
  { ...square(1, 3, 3, 70, 5, 8, 1, 7), groups: 3 },
];

export interface ConvData {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly dy: Float32Array;
}

export function describeConv(c: ConvCase): string {
  return `${c.n}x${c.inChannels}x${c.height}x${c.width} -> ${c.outChannels}, k${c.kernelHeight}x${c.kernelWidth}s${c.stride}p${c.padding}d${c.dilation}${c.groups ? `g${c.groups}` : ''}`;
}

export function convData(c: ConvCase): ConvData {
  const random = new Random(7, c.n, c.inChannels, c.outChannels, c.height, c.width, c.stride);
  const normal = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const outPixels = reference.convOutputSize(c.height, c.kernelHeight, c) * reference.convOutputSize(c.width, c.kernelWidth, c);
  return {
    x: normal(c.n * c.inChannels * c.height * c.width),
    weight: normal(c.outChannels * (c.inChannels / (c.groups ?? 1)) * c.kernelHeight * c.kernelWidth),
    bias: normal(c.outChannels),
    dy: normal(c.n * c.outChannels * outPixels),
  };
}

export interface ConvResult {
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dw: Float32Array;
  readonly db: Float32Array;
}

export function convInputs(c: ConvCase, { x, weight, bias }: ConvData): Record<'x' | 'weight' | 'bias', HostArray> {
  return {
    x: { axes: 'NCHW', shape: [c.n, c.inChannels, c.height, c.width], data: x },
    weight: { axes: 'OIHW', shape: [c.outChannels, c.inChannels / (c.groups ?? 1), c.kernelHeight, c.kernelWidth], data: weight },
    bias: { axes: 'C', shape: [c.outChannels], data: bias },
  };
}

/** Runs a case forward and backward. With `pass`, x and y go through that op, so that x, y and dy are transient maps. */
export async function runConv(
  device: Device,
  c: ConvCase,
  data: ConvData,
  pass = (_: Tape, x: Tensor<'NCHW'>) => x,
  maps: ElementType = 'f32',
): Promise<ConvResult> {
  const { y, grads } = await runOp(
    device,
    convInputs(c, data),
    (tape, t) => pass(tape, conv2d(tape, pass(tape, t.x as Tensor<'NCHW'>), t.weight as Tensor<'OIHW'>, t.bias as Tensor<'C'>, c)),
    data.dy,
    ['x', 'weight', 'bias'],
    maps,
  );
  return { y, dx: grads.x ?? new Float32Array(), dw: grads.weight ?? new Float32Array(), db: grads.bias ?? new Float32Array() };
}

/** The same through the plain kernels, which any geometry can use. */
export async function runPlainConv(device: Device, c: ConvCase, data: ConvData, maps: ElementType = 'f32'): Promise<ConvResult> {
  const { n } = c;
  const outHeight = reference.convOutputSize(c.height, c.kernelHeight, c);
  const outWidth = reference.convOutputSize(c.width, c.kernelWidth, c);
  const map = (shape: readonly number[], values: Float32Array) => device.tensor('NCHW', shape, values, 'map', maps);
  const x = map([n, c.inChannels, c.height, c.width], data.x);
  const weight = device.tensor('OIHW', [c.outChannels, c.inChannels / (c.groups ?? 1), c.kernelHeight, c.kernelWidth], data.weight);
  const bias = device.tensor('C', [c.outChannels], data.bias);
  const dy = map([n, c.outChannels, outHeight, outWidth], data.dy);
  const r = new Recorder(device, { maps });
  const [y, dx, dw] = [r.empty('NCHW', dy.shape), r.empty('NCHW', x.shape), r.empty('OIHW', weight.shape)];
  const db = r.empty('C', bias.shape);
  kernels.plainConv2d(r, { x, weight, bias, y }, c, false);
  kernels.plainConv2dGradInput(r, weight, dy, dx, c);
  plainConv2dGradWeight(r, x, dy, dw, c);
  conv2dGradBias(r, dy, db);
  for (const t of [y, dx, dw, db]) r.keep(t);
  const program = await r.compile();
  program.run();
  const result = { y: await device.read(y), dx: await device.read(dx), dw: await device.read(dw), db: await device.read(db) };
  program.destroy();
  return result;
}

interface Bound {
  readonly expected: Float64Array;
  readonly each: readonly number[];
}

/**
 * Results in float64 and, for every entry, 4*sqrt(K)*2^-24*sum|a*b|: K rounded products and additions whose errors are
 * independent, in any order, fused or not (bound of the design; the worst order would allow K instead of sqrt(K)).
 */
export function convBounds(c: ConvCase, data: ConvData): Record<keyof ConvResult, Bound> {
  const evaluate = (d: Record<keyof ConvData, Float64Array>): Record<keyof ConvResult, Float64Array> => ({
    y: reference.conv2d(d.x, d.weight, d.bias, c),
    dx: reference.conv2dGradInput(d.weight, d.dy, c),
    dw: reference.conv2dGradWeight(d.x, d.dy, c),
    db: reference.conv2dGradBias(d.dy, c),
  });
  const doubles = (f: (v: number) => number) => ({
    x: wide(data.x, f),
    weight: wide(data.weight, f),
    bias: wide(data.bias, f),
    dy: wide(data.dy, f),
  });
  const expected = evaluate(doubles((v) => v));
  const magnitude = evaluate(doubles(Math.abs));
  const taps = c.kernelHeight * c.kernelWidth;
  const pixels = data.dy.length / c.outChannels;
  const { groups = 1 } = c;
  const terms = { y: (c.inChannels / groups) * taps + 1, dx: (c.outChannels / groups) * taps, dw: pixels, db: pixels };
  const bound = (key: keyof ConvResult): Bound => ({
    expected: expected[key],
    each: Array.from(magnitude[key], (m) => 4 * Math.sqrt(terms[key]) * 2 ** -24 * m),
  });
  return { y: bound('y'), dx: bound('dx'), dw: bound('dw'), db: bound('db') };
}

function wide(a: Float32Array, f: (v: number) => number): Float64Array {
  return Float64Array.from(a, f);
}
