import { conv2dGradBias } from '../kernels/conv2d-grad-bias.js';
import { conv2dGradWeight, plainConv2dGradWeight } from '../kernels/conv2d-grad-weight.js';
import { conv2d, conv2dGradInput, plainConv2d, plainConv2dGradInput } from '../kernels/conv2d.js';
import type { ConvGeometry } from '../kernels/conv2d-blocks.js';
import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import type { KernelCase } from './kernel-cases.js';

interface Layer {
  readonly n: number;
  readonly side: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly groups?: number;
}

const CHANNELS = [[8, 8], [16, 16], [40, 8], [40, 40], [1, 8], [8, 2]] as const; // prettier-ignore
const SIZES = [{ n: 4, side: 128 }, { n: 1, side: 512 }, { n: 4, side: 16 }] as const; // prettier-ignore
const LAYERS: readonly Layer[] = [
  ...SIZES.flatMap((size) => CHANNELS.map(([inChannels, outChannels]) => ({ ...size, inChannels, outChannels, kernel: 3 }))),
  { n: 4, side: 8, inChannels: 64, outChannels: 64, kernel: 3 },
  { n: 4, side: 128, inChannels: 16, outChannels: 16, kernel: 1 },
  { n: 4, side: 32, inChannels: 64, outChannels: 72, kernel: 1 },
  { n: 4, side: 32, inChannels: 96, outChannels: 96, kernel: 7, groups: 96 },
  { n: 4, side: 8, inChannels: 384, outChannels: 384, kernel: 7, groups: 384 },
];

interface Tensors {
  readonly x: Tensor<'NCHW'>;
  readonly y: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly gradient: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'>;
}

type Pass = (r: Recorder, tensors: Tensors, geometry: ConvGeometry) => void;

const PASSES: Readonly<Record<string, Pass>> = {
  forward: (r, tensors, geometry) => conv2d(r, tensors, geometry, false),
  'grad input': (r, { weight, y, x }, geometry) => conv2dGradInput(r, weight, y, x, geometry),
  'grad weight': (r, { x, y, gradient }, geometry) => conv2dGradWeight(r, x, y, gradient, geometry),
  'plain forward': (r, tensors, geometry) => plainConv2d(r, tensors, geometry, false),
  'plain grad input': (r, { weight, y, x }, geometry) => plainConv2dGradInput(r, weight, y, x, geometry),
  'plain grad weight': (r, { x, y, gradient }, geometry) => plainConv2dGradWeight(r, x, y, gradient, geometry),
};

/** Work counts borders as if they were inside, and every map and weight as read or written once. */
export function convolutionCases(): KernelCase[] {
  const cases = LAYERS.flatMap((layer) => {
    const { n, side, inChannels, outChannels, kernel, groups = 1 } = layer;
    const weights = (inChannels / groups) * outChannels * kernel ** 2;
    const flops = 2 * n * side ** 2 * weights;
    const mapBytes = 4 * n * side ** 2 * (inChannels + outChannels);
    const bytes = mapBytes + 4 * weights;
    const geometry = { stride: 1, padding: (kernel - 1) / 2, dilation: 1, groups };
    return Object.entries(PASSES).map(([pass, record]) => ({
      name: `conv${kernel}x${kernel} ${inChannels}->${outChannels}${groups > 1 ? ` g${groups}` : ''} ${n}x${side}x${side} ${pass}`,
      work: { flops, bytes, mapBytes },
      record: ((r, make) => {
        const [x, y] = [make.tensor('NCHW', n, inChannels, side, side), make.tensor('NCHW', n, outChannels, side, side)];
        const [weight, gradient] = [0, 1].map(() => make.tensor('OIHW', outChannels, inChannels / groups, kernel, kernel));
        record(r, { x, y, weight: weight!, gradient: gradient!, bias: make.tensor('C', outChannels) }, geometry);
      }) satisfies KernelCase['record'],
    }));
  });
  return [...cases, gradBias(4, 40, 128)];
}

function gradBias(n: number, channels: number, side: number): KernelCase {
  const elements = n * channels * side ** 2;
  return {
    name: `conv grad bias ${channels} ${n}x${side}x${side}`,
    work: { flops: elements, bytes: 4 * elements, mapBytes: 4 * elements },
    record: (r, make) => conv2dGradBias(r, make.tensor('NCHW', n, channels, side, side), make.tensor('C', channels)),
  };
}
