// What the tests of the losses share: inputs of many sizes, running one on the GPU, comparing value and gradient.
import type { Logits } from '../../src/autograd/ops/loss-shapes.js';
import type { Tape } from '../../src/autograd/tape.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { expectClose, type Golden } from '../support/golden.js';
import { runOp, type HostArray } from '../support/gpu.js';
import { largest } from '../support/gradient.js';

export interface LossSize {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly plane: number;
}

const size = (images: number, channels: number, height: number, width: number): LossSize => ({
  images,
  channels,
  height,
  width,
  plane: height * width,
});

export const lossSizes: readonly LossSize[] = [size(1, 1, 1, 1), size(2, 3, 17, 2), size(1, 2, 65, 64), size(3, 2, 3, 33)];

export const sizeName = (s: LossSize): string => `${s.images}x${s.channels}x${s.height}x${s.width}`;

export interface LossDraws {
  readonly logits: Float32Array<ArrayBuffer>;
  readonly target: Float32Array<ArrayBuffer>;
  readonly weight: Float32Array<ArrayBuffer>;
  /** [N, 1, H, W], about a quarter 0. */
  readonly mask: Float32Array<ArrayBuffer>;
}

export function drawLoss(s: LossSize, seed = 1): LossDraws {
  const elements = s.images * s.channels * s.plane;
  const random = new Random(seed, elements);
  const draw = (length: number, value: () => number): Float32Array<ArrayBuffer> => Float32Array.from({ length }, value);
  return {
    logits: normals(seed, elements, 3),
    target: draw(elements, () => (random.next() < 0.3 ? 1 : 0)),
    weight: draw(elements, () => random.uniform(0.2, 2)),
    mask: draw(s.images * s.plane, () => (random.next() < 0.75 ? 1 : 0)),
  };
}

type LossOp = (tape: Tape, logits: Logits, t: Record<string, Tensor>) => Tensor;

export interface LossResult {
  readonly loss: number;
  readonly dz: Float32Array;
}

/** Value and gradient by the logits, for an upstream gradient `dy`. */
export async function runLoss(
  device: Device,
  logits: HostArray,
  constants: Readonly<Record<string, HostArray>>,
  op: LossOp,
  dy = 1,
): Promise<LossResult> {
  const { y, grads } = await runOp(device, { logits, ...constants }, (tape, t) => op(tape, t.logits as Logits, t), [dy], ['logits']);
  if (!grads.logits || y[0] === undefined) throw new Error('runLoss: no value or no gradient.');
  return { loss: y[0], dz: grads.logits };
}

/** An NCHW array of a size. */
export function map(s: LossSize, data: Float32Array, channels = s.channels): HostArray {
  return { axes: 'NCHW', shape: [s.images, channels, s.height, s.width], data };
}

/** 1e-5 of the value and of the largest gradient: exp, log and division of WGSL, and sums of terms of one sign, in float32. */
export function expectLoss(actual: LossResult, loss: number, dz: Float64Array, relative = 1e-5): void {
  expectClose([actual.loss], [loss], { abs: relative * Math.abs(loss) + 1e-12 }, 'loss');
  expectClose(actual.dz, dz, { abs: relative * largest(dz) + 1e-12 }, 'gradient');
}

/** Runs a loss on the inputs of a fixture and compares both results by its tolerances. `learnt`: the input that has the gradient. */
export async function expectGoldenLoss(
  device: Device,
  golden: Golden,
  constants: readonly string[],
  op: LossOp,
  learnt = 'logits',
): Promise<void> {
  const axesOf = (shape: readonly number[]): string =>
    shape.length === 4 ? 'NCHW' : shape.length === 2 ? 'NC' : shape.length === 1 ? 'N' : 'NHW';
  const host = (name: string): HostArray => {
    const { shape, data } = golden.tensors.get(`in.${name}`)!;
    if (name === 'pos_weight' || (name === 'weight' && shape.length === 1))
      return { axes: 'C', shape: [data.length], data: Array.from(data, Number) };
    return { axes: axesOf(shape), shape, data: Array.from(data, Number) };
  };
  const given = Object.fromEntries(constants.filter((name) => golden.has(`in.${name}`)).map((name) => [name, host(name)]));
  const result = await runLoss(device, host(learnt), given, op, golden.f32('in.dy')[0]);
  golden.expectClose('out.y', [result.loss]);
  golden.expectClose(`grad.${learnt}`, result.dz);
}
