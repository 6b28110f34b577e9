import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, type ChannelRun } from './channels.js';
import { spatial, type ConvGeometry } from './conv2d-blocks.js';
import * as shaders from './shaders.gen.js';

/** Largest side of a kernel whose weight gradient fits into the registers of one invocation, pixels. */
const MAX_SIDE = 8;

/** Whether the kernels of this file compute the convolution: every channel a group of its own, square, stride 1, no dilation. */
export function isDepthwise(weight: Tensor<'OIHW'>, { stride, padding, dilation, groups = 1 }: ConvGeometry): boolean {
  const [channels = 0, taken, side = 0, width] = weight.shape;
  const square = side === width && side <= MAX_SIDE && padding < side;
  return taken === 1 && channels === groups && stride === 1 && dilation === 1 && square;
}

export interface DepthwiseTensors {
  readonly x: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'> | null;
  readonly y: Tensor<'NCHW'>;
}

export function depthwiseConv2d(
  r: Recorder,
  { x, weight, bias, y }: DepthwiseTensors,
  { padding, relu = false, flip = false }: { padding: number; relu?: boolean; flip?: boolean },
): void {
  const [height, width, outHeight, outWidth] = [x.dim('H'), x.dim('W'), y.dim('H'), y.dim('W')];
  const strips = Math.ceil(outHeight / 8);
  const settings = { strips, height, width, outHeight, outWidth, padding, hasBias: Number(bias !== null), relu: Number(relu) };
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.conv2dDepthwise, {
      buffers: { ...buffers, weight: weight.buffer, bias: (bias ?? weight).buffer },
      params: { ...settings, firstChannel, ...views },
      overrides: { K: weight.dim('H'), FLIP: Number(flip) },
      grid: [Math.ceil((strips * outWidth) / shaders.conv2dDepthwise.overrides.WG), channels, x.dim('N')],
    });
  }
}

/** dx: the convolution of dy with the weight turned by half a turn. */
export function depthwiseConv2dGradInput(
  r: Recorder,
  weight: Tensor<'OIHW'>,
  dy: Tensor<'NCHW'>,
  dx: Tensor<'NCHW'>,
  { padding }: { padding: number },
): void {
  depthwiseConv2d(r, { x: dy, weight, bias: null, y: dx }, { padding: weight.dim('H') - 1 - padding, flip: true });
}

/** Rows of a column that one invocation walks at least, where there are as many; the most tiles. */
const WALK_ROWS = 64;
const MAX_TILES = 256;

/** Gradient by the weight in two stages, as that of `conv2dGradWeight`: the tiles follow from the shape and the largest binding alone. */
export function depthwiseConv2dGradWeight(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  dw: Tensor<'OIHW'>,
  geometry: ConvGeometry,
): void {
  for (const run of channelRuns({ x, dy })) gradWeightOf(r, run, { x, dy, dw }, geometry);
}

function gradWeightOf(
  r: Recorder,
  { firstChannel, channels, buffers, views }: ChannelRun<'x' | 'dy'>,
  { x, dy, dw }: { x: Tensor<'NCHW'>; dy: Tensor<'NCHW'>; dw: Tensor<'OIHW'> },
  geometry: ConvGeometry,
): void {
  const { height, width, outHeight, outWidth, padding, kernelHeight: K } = spatial(x, dy, dw, geometry);
  const chunks = Math.ceil(outHeight / WALK_ROWS);
  const rows = Math.ceil(outHeight / chunks);
  const walks = x.dim('N') * chunks * outWidth;
  const sums = channels * K * K;
  const fitting = Math.max(1, Math.floor(r.device.maxBindingBytes / (4 * sums)));
  const tiles = Math.min(Math.ceil((walks * rows) / WALK_ROWS), MAX_TILES, fitting);
  const whole = tiles === 1 && channels === dw.dim('O');
  const partial = whole ? dw.buffer : r.empty('C', [tiles * sums], 'weight gradient tiles').buffer;
  const count = channels * K * tiles;
  r.dispatch(shaders.conv2dDepthwiseGradWeight, {
    buffers: { ...buffers, partial },
    params: { count, channels, tiles, walks, rows, chunks, height, width, outHeight, outWidth, padding, ...views },
    overrides: { K },
    grid: flatGrid(count, shaders.conv2dDepthwiseGradWeight.overrides.WG),
  });
  if (whole) return;
  r.dispatch(shaders.conv2dGradSum, {
    buffers: { partial, out: dw.buffer },
    params: { count: sums, columns: sums, tiles, firstRow: 0, firstColumn: firstChannel * K * K, stride: 0, parts: 1 },
    grid: flatGrid(sums, shaders.conv2dGradSum.overrides.WG),
  });
}
