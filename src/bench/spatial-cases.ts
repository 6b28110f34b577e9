import { adam } from '../kernels/adam.js';
import { avgPool2d, avgPool2dGrad } from '../kernels/avg-pool2d.js';
import * as norm from '../kernels/batch-norm.js';
import { bilinear, bilinearGrad } from '../kernels/bilinear.js';
import { channelScale } from '../kernels/channel-scale.js';
import { globalAvgPool2d } from '../kernels/global-pool2d.js';
import { maxPool2d, maxPool2dGrad } from '../kernels/max-pool2d.js';
import { relu, reluGrad } from '../kernels/relu.js';
import { sigmoid } from '../kernels/sigmoid.js';
import { sum } from '../kernels/sum.js';
import type { Recorder } from '../runtime/recorder.js';
import { Tensor } from '../runtime/tensor.js';
import type { KernelCase, TensorMaker } from './kernel-cases.js';

const [N, C, SIDE] = [4, 16, 128] as const;
const ELEMENTS = N * C * SIDE ** 2;

/** A map of 1/scale of the side. */
function map(make: TensorMaker, scale = 1): Tensor<'NCHW'> {
  return make.tensor('NCHW', N, C, SIDE / scale, SIDE / scale);
}

interface SpatialCase {
  /** Floating-point operations per element of the full-size map. */
  readonly flops: number;
  /** Full-size maps that are read or written. */
  readonly maps: number;
  /** Bytes per pixel of the full-size map that tell where maxima are. */
  readonly codes?: number;
  readonly record: (r: Recorder, make: TensorMaker) => void;
}

const window = (kernelSize: number, stride = kernelSize, padding = 0): { kernelSize: number; stride: number; padding: number } => ({
  kernelSize,
  stride,
  padding,
});
const fused = { relu: true, training: true };
const vector = (make: TensorMaker): Tensor<'C'> => make.tensor('C', C);
const normed = (make: TensorMaker): Tensor<'NCHW'> => {
  const x = map(make);
  const table = make.tensor('CT', C, norm.TABLE).buffer;
  return new Tensor(x.axes, x.shape, x.blocks.map((block) => ({ ...block, table }))); // prettier-ignore
};
const vectors = (make: TensorMaker): norm.BatchNormVectors => ({
  ...{ weight: vector(make), bias: vector(make), runningMean: vector(make), runningVar: vector(make) },
});

const ELEMENTWISE: Readonly<Record<string, SpatialCase>> = {
  'channel scale': { flops: 1, maps: 2, record: (r, m) => channelScale(r, map(m), vector(m), map(m)) },
  relu: { flops: 1, maps: 2, record: (r, m) => relu(r, map(m), map(m)) },
  'relu grad': { flops: 1, maps: 3, record: (r, m) => reluGrad(r, map(m), map(m), map(m)) },
  'sum of 2': { flops: 1, maps: 3, record: (r, m) => sum(r, [map(m), map(m)], map(m)) },
  sigmoid: { flops: 4, maps: 2, record: (r, m) => sigmoid(r, map(m), map(m)) },
  'batch norm statistics': {
    flops: 3,
    maps: 1,
    record: (r, m) => norm.batchNormTable(r, normed(m), vectors(m), { eps: 1e-5, momentum: 0.1 }),
  },
  'batch norm + relu': { flops: 3, maps: 2, record: (r, m) => norm.batchNorm(r, normed(m), map(m), fused) },
  'batch norm grad affine': {
    flops: 5,
    maps: 2,
    record: (r, m) => norm.batchNormGradAffine(r, normed(m), map(m), vector(m), vector(m), fused),
  },
  'batch norm grad x': {
    flops: 6,
    maps: 3,
    record: (r, m) => norm.batchNormGrad(r, normed(m), map(m), vector(m), vector(m), map(m), fused),
  },
};

/** A map and its maxima. */
const pooledMaps = (side: number): number => 1 + 1 / side ** 2;
/** What `maxPool2d` returns, of no meaning. */
const codes = (make: TensorMaker, side: number): Tensor<'NCHW'> => make.words(N, C, Math.ceil(SIDE / side / 4), SIDE / side);

const POOLS: Readonly<Record<string, SpatialCase>> = {
  'max pool 2': { flops: 1, maps: pooledMaps(2), codes: 1 / 2 ** 2, record: (r, m) => void maxPool2d(r, map(m), map(m, 2), window(2)) },
  'max pool 2 grad': {
    flops: 1,
    maps: pooledMaps(2),
    codes: 1 / 2 ** 2,
    record: (r, m) => maxPool2dGrad(r, map(m, 2), codes(m, 2), map(m), window(2)),
  },
  'max pool 8': { flops: 1, maps: pooledMaps(8), codes: 1 / 8 ** 2, record: (r, m) => void maxPool2d(r, map(m), map(m, 8), window(8)) },
  'max pool 8 grad': {
    flops: 1,
    maps: pooledMaps(8),
    codes: 1 / 8 ** 2,
    record: (r, m) => maxPool2dGrad(r, map(m, 8), codes(m, 8), map(m), window(8)),
  },
  'average pool 2': { flops: 1, maps: 1.25, record: (r, m) => avgPool2d(r, map(m), map(m, 2), { ...window(2), countIncludePad: true }) },
  'average pool 2 grad': {
    flops: 1,
    maps: 1.25,
    record: (r, m) => avgPool2dGrad(r, map(m, 2), map(m), { ...window(2), countIncludePad: true }),
  },
  'average pool 5 stride 1': {
    flops: 25,
    maps: 2,
    record: (r, m) => avgPool2d(r, map(m), map(m), { ...window(5, 1, 2), countIncludePad: true }),
  },
  'global average pool': { flops: 1, maps: 1, record: (r, m) => globalAvgPool2d(r, map(m), m.tensor('NC', N, C)) },
};

/** Up and back; each output pixel is three interpolations. */
const RESIZES: Readonly<Record<string, SpatialCase>> = Object.fromEntries(
  [2, 4, 16].flatMap((scale): [string, SpatialCase][] => [
    [`bilinear x${scale}`, { flops: 9, maps: 1 + 1 / scale ** 2, record: (r, m) => bilinear(r, map(m, scale), map(m)) }],
    [`bilinear x${scale} grad`, { flops: 9, maps: 1 + 1 / scale ** 2, record: (r, m) => bilinearGrad(r, map(m), map(m, scale)) }],
  ]),
);

const WEIGHTS = 2 ** 19;

/** As many weights as a network of half a million parameters: reads w, g, m, v, writes w, m, v. */
const ADAM: KernelCase = {
  name: `adam ${WEIGHTS}`,
  work: { flops: 12 * WEIGHTS, bytes: 4 * 7 * WEIGHTS, mapBytes: 0 },
  record: (r, make) => {
    const [weights, gradients, m, v] = Array.from({ length: 4 }, () => make.tensor('E', WEIGHTS)) as [
      Tensor<'E'>,
      Tensor<'E'>,
      Tensor<'E'>,
      Tensor<'E'>,
    ];
    const [decay, report, step] = [make.tensor('E', WEIGHTS / 64), make.tensor('E', 4), make.tensor('E', 8)];
    adam(r, { weights, gradients, m, v, decay, report, step }, { betas: [0.9, 0.999], eps: 1e-8, decoupled: true });
  },
};

export function spatialCases(): KernelCase[] {
  const cases = Object.entries({ ...ELEMENTWISE, ...POOLS, ...RESIZES }).map(([name, { flops, maps, codes = 0, record }]) => ({
    name: `${name} ${N}x${C}x${SIDE}x${SIDE}`,
    work: { flops: flops * ELEMENTS, bytes: (4 * maps + codes) * ELEMENTS, mapBytes: 4 * maps * ELEMENTS },
    record,
  }));
  return [...cases, ADAM];
}
