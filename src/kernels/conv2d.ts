import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { blockPairs, spatial, type BlockPair, type ConvGeometry } from './conv2d-blocks.js';
import { fast3x3 } from './conv2d-3x3.js';
import { depthwiseConv2d, depthwiseConv2dGradInput, isDepthwise } from './conv2d-depthwise.js';
import { fast1x1, fastKernel, type FastConv } from './conv2d-fast.js';
import * as shaders from './shaders.gen.js';

export interface ConvTensors {
  readonly x: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'> | null;
  readonly y: Tensor<'NCHW'>;
  /** A batch norm of y follows: its moments are left with y if the kernel can take them on the way. */
  readonly moments?: boolean | undefined;
}

/** y = conv2d(x), with the fast kernel where there is one for the geometry: 3x3, 1x1 and depthwise. */
export function conv2d(r: Recorder, tensors: ConvTensors, geometry: ConvGeometry, relu: boolean): void {
  const { x, weight, bias, y, moments } = tensors;
  const conv: FastConv = { from: x, to: y, weight, bias, order: 'forward', relu, moments };
  const fast = fastKernel(r, weight, geometry);
  if (fast === '3x3') fast3x3(r, conv, geometry.padding, geometry.dilation);
  else if (fast === '1x1') fast1x1(r, conv, geometry.stride);
  else if (isDepthwise(weight, geometry)) depthwiseConv2d(r, tensors, { padding: geometry.padding, relu });
  else plainConv2d(r, tensors, geometry, relu);
}

/** Any geometry, group by group and channel block by channel block: the first block of x writes bias + sum, later ones add to y. */
export function plainConv2d(r: Recorder, { x, weight, bias, y }: ConvTensors, geometry: ConvGeometry, relu: boolean): void {
  const sizes = spatial(x, y, weight, geometry);
  const count = y.dim('N') * y.dim('H') * y.dim('W');
  const [gx, gy] = flatGrid(count, shaders.conv2d.overrides.WG);
  for (const pair of blockPairs(x, y, geometry.groups)) {
    r.dispatch(shaders.conv2d, {
      buffers: { x: pair.in.buffer, weight: weight.buffer, bias: (bias ?? weight).buffer, y: pair.out.buffer },
      params: {
        count,
        ...sizes,
        ...runs(pair, weight),
        xChannels: pair.in.blockChannels,
        xOffset: pair.in.offset,
        yChannels: pair.out.blockChannels,
        yOffset: pair.out.offset,
        hasBias: bias ? 1 : 0,
        accumulate: pair.firstIn > 0 ? 1 : 0,
        relu: relu && pair.firstIn + pair.in.count === weight.dim('I') ? 1 : 0,
      },
      grid: [gx, gy, Math.ceil(pair.out.count / 8)],
    });
  }
}

/** dx of conv2d: the fast forward kernels run with flipped, transposed weights. */
export function conv2dGradInput(r: Recorder, weight: Tensor<'OIHW'>, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, geometry: ConvGeometry): void {
  const conv: FastConv = { from: dy, to: dx, weight, bias: null, order: 'gradInput', relu: false };
  const fast = fastKernel(r, weight, geometry);
  if (fast === '3x3') fast3x3(r, conv, 2 * geometry.dilation - geometry.padding, geometry.dilation);
  else if (fast === '1x1' && geometry.stride === 1) fast1x1(r, conv, 1);
  else if (isDepthwise(weight, geometry)) depthwiseConv2dGradInput(r, weight, dy, dx, geometry);
  else plainConv2dGradInput(r, weight, dy, dx, geometry);
}

/** Any geometry. */
export function plainConv2dGradInput(
  r: Recorder,
  weight: Tensor<'OIHW'>,
  dy: Tensor<'NCHW'>,
  dx: Tensor<'NCHW'>,
  geometry: ConvGeometry,
): void {
  const sizes = spatial(dx, dy, weight, geometry);
  const count = dx.dim('N') * dx.dim('H') * dx.dim('W');
  const [gx, gy] = flatGrid(count, shaders.conv2dGradInput.overrides.WG);
  const { groups = 1 } = geometry;
  for (const pair of blockPairs(dx, dy, groups)) {
    r.dispatch(shaders.conv2dGradInput, {
      buffers: { dy: pair.out.buffer, weight: weight.buffer, dx: pair.in.buffer },
      params: {
        count,
        ...sizes,
        ...runs(pair, weight),
        dxChannels: pair.in.blockChannels,
        dxOffset: pair.in.offset,
        dyChannels: pair.out.blockChannels,
        dyOffset: pair.out.offset,
        accumulate: pair.firstOut % (dy.dim('C') / groups) > 0 ? 1 : 0,
      },
      grid: [gx, gy, Math.ceil(pair.in.count / 8)],
    });
  }
}

function runs(pair: BlockPair, weight: Tensor<'OIHW'>) {
  return {
    inChannels: pair.in.count,
    outChannels: pair.out.count,
    weightChannels: weight.dim('I'),
    weightIn: pair.firstIn,
    weightOut: pair.firstOut,
  };
}
