import type { Device } from '../runtime/device.js';
import type { Recorder } from '../runtime/recorder.js';
import { Tensor } from '../runtime/tensor.js';
import type { OpShape } from '../runtime/tuning.js';
import { channelRuns } from './channels.js';
import { fast1x1 } from './conv2d-fast.js';
import { mixingGradWeight } from './conv2d-grad-weight.js';
import type { ConvTensors } from './conv2d.js';
import { UNIFORM_BYTES } from './conv2d-pack.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';
import { chosen, type Tunable } from './tunable.js';

/*
 * conv3x3(up(x)) without up(x): interpolation works channel by channel and a tap is a shift, so the channels are mixed first, at low
 * resolution, into one map per output channel o and tap t; these are interpolated, shifted and added along W, then along H. Maps:
 *   x [N,I,h,w] -> mixed [N,O,9,h,w] (a 1x1 convolution) -> rows [N,O,3,h,R*w] -> y [N,O,R*h,R*w]
 * docs/decisions/0007-commuted-upsampling.md says why it is exact and when it pays.
 */

/** Times that x may be enlarged: the distances between pixels are then exact in float32. */
export const UPSAMPLED_RATIOS: readonly number[] = [2, 4, 8, 16];

/** Multiply-adds that cost as much as one float moved to or from memory: what GPUs and the software adapters have in common. */
const PRODUCTS_PER_FLOAT = 32;

/** Whether this way costs less than bilinear and then conv2d, by floats moved and multiply-adds per pixel of y. */
function paysToCommute({ inChannels: inputs, outChannels: outputs }: OpShape, ratio: number): boolean {
  const direct = 2 * inputs + outputs + (9 * inputs * outputs) / PRODUCTS_PER_FLOAT;
  const moved = outputs * (18 / ratio ** 2 + 6 / ratio + 1);
  const products = outputs * ((9 * inputs) / ratio ** 2 + 18 / ratio + 6);
  return moved + products / PRODUCTS_PER_FLOAT < direct;
}

/** Whether a channel of the maps between fits into a binding, and so do packed weights. */
function fits(device: Device, { images, height, width }: OpShape, ratio: number): boolean {
  return (
    device.maxBindingBytes >= UNIFORM_BYTES &&
    ((4 * images * height * width) / ratio ** 2) * Math.max(9, 3 * ratio) <= device.maxBindingBytes
  );
}

/** Both ways, for every ratio. */
export const UPSAMPLED_CONVS: readonly (Tunable<'commuted' | 'direct'> & { readonly ratio: number })[] = UPSAMPLED_RATIOS.map((ratio) => ({
  op: `conv3x3-upsampled-x${ratio}`,
  ratio,
  candidates: new Map([['commuted', 'commuted'], ['direct', 'direct']]), // prettier-ignore
  usual: (shape) => (paysToCommute(shape, ratio) ? 'commuted' : 'direct'),
  runs: (way, device, shape) => way === 'direct' || fits(device, shape, ratio),
}));

/** Whether to convolve an enlarged x this way, or to enlarge it first. */
export function commutes(r: Recorder, x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, ratio: number): boolean {
  const tunable = UPSAMPLED_CONVS.find((t) => t.ratio === ratio);
  const [inChannels, outChannels] = [weight.dim('I'), weight.dim('O')];
  const shape = { images: x.dim('N'), inChannels, outChannels, height: ratio * x.dim('H'), width: ratio * x.dim('W') };
  return tunable !== undefined && chosen(r, tunable, shape) === 'commuted';
}

/** `weight` is [O,I,3,3]; y is larger than x by one of the ratios along H and W. */
export function conv2dUpsampled(r: Recorder, { x, weight, bias, y }: ConvTensors, relu: boolean): void {
  const { mixed, rows, alongW, alongH } = stages(r, x, y);
  fast1x1(r, { from: x, to: splitChannels(mixed, 9), weight, mixing: true, order: 'forward', bias: null, relu: false }, 1);
  upsampleTaps(r, splitChannels(mixed, 3), splitChannels(rows, 3), alongW);
  upsampleTaps(r, rows, y, alongH, { bias, relu });
}

interface UpsampledGradients {
  /** Written where given. */
  readonly dx: Tensor<'NCHW'> | undefined;
  readonly dw: Tensor<'OIHW'> | undefined;
}

/** That of the bias is conv2d's. */
export function conv2dUpsampledGrad(
  r: Recorder,
  x: Tensor<'NCHW'>,
  weight: Tensor<'OIHW'>,
  dy: Tensor<'NCHW'>,
  { dx, dw }: UpsampledGradients,
): void {
  const { mixed, rows, alongW, alongH } = stages(r, x, dy);
  upsampleTapsGrad(r, dy, rows, alongH);
  upsampleTapsGrad(r, splitChannels(rows, 3), splitChannels(mixed, 3), alongW);
  if (dw) mixingGradWeight(r, x, splitChannels(mixed, 9), dw);
  if (dx) fast1x1(r, { from: splitChannels(mixed, 9), to: dx, weight, mixing: true, order: 'gradInput', bias: null, relu: false }, 1);
}

/** A plane is [outer, axis, inner]; the axis has `size` low pixels. */
interface Axis {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly ratio: number;
}

/** The maps between x and y, transient, or their gradients; and how the taps go along each axis. */
function stages(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>) {
  const [images, outputs, height, width] = [x.dim('N'), y.dim('C'), x.dim('H'), x.dim('W')];
  const ratio = y.dim('W') / width;
  return {
    mixed: r.empty('NCHW', [images, outputs, 9 * height, width], 'mixed channels'),
    rows: r.empty('NCHW', [images, outputs, 3 * height, y.dim('W')], 'mixed channels, upsampled along W'),
    alongW: { outer: height, size: width, inner: 1, ratio },
    alongH: { outer: 1, size: height, inner: y.dim('W'), ratio },
  };
}

/** The same memory as a map of `parts` times as many channels, each of which has the rows that were one part of a channel. */
function splitChannels(x: Tensor<'NCHW'>, parts: number): Tensor<'NCHW'> {
  const [images = 1, channels = 1, rows = 1, width = 1] = x.shape;
  const blocks = x.blocks.map(({ buffer, blockChannels, offset, count }) => ({
    buffer,
    blockChannels: parts * blockChannels,
    offset: parts * offset,
    count: parts * count,
  }));
  return new Tensor('NCHW', [images, parts * channels, rows / parts, width], blocks, x.label);
}

interface Epilogue {
  readonly bias: Tensor<'C'> | null;
  readonly relu: boolean;
}

/** Every channel of x holds 3 planes, one per tap. */
function upsampleTaps(
  r: Recorder,
  x: Tensor<'NCHW'>,
  y: Tensor<'NCHW'>,
  axis: Axis,
  { bias, relu }: Epilogue = { bias: null, relu: false },
) {
  const { WG } = shaders.upsampleTaps.overrides;
  const { strips, lines, params } = strip(axis);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.upsampleTaps, {
      buffers: { ...buffers, bias: bias?.buffer ?? buffers.x },
      params: { ...params, ...views, biasOffset: firstChannel, hasBias: bias ? 1 : 0, relu: relu ? 1 : 0 },
      grid: planeGrid(lines * strips, channels, x.dim('N'), WG, 1),
    });
  }
}

/** Every channel of dx holds 3 planes, one per tap. */
function upsampleTapsGrad(r: Recorder, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, axis: Axis): void {
  const { WG } = shaders.upsampleTapsGrad.overrides;
  const { strips, lines, params } = strip(axis);
  for (const { channels, buffers, views } of channelRuns({ dy, dx })) {
    const grid = planeGrid(lines * strips, channels, dx.dim('N'), WG, 1);
    r.dispatch(shaders.upsampleTapsGrad, { buffers, params: { ...params, ...views }, grid });
  }
}

/** Pixels of y per invocation: with fewer, neighbouring strips read the same pixels more often; with more, small maps leave GPUs idle. */
const STRIP_PIXELS = 16;

function strip({ outer, size, inner, ratio }: Axis) {
  const cells = Math.max(1, Math.floor(STRIP_PIXELS / ratio));
  const strips = Math.ceil(size / cells);
  return { strips, lines: outer * inner, params: { outer, inner, size, ratio, cells, strips } };
}
