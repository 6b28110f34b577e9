import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Moments, Tensor } from '../runtime/tensor.js';
import { fastRuns, filled, type FastConv, type FastRun } from './conv2d-fast.js';
import { goesByWinograd, winograd3x3 } from './conv2d-winograd.js';
import * as shaders from './shaders.gen.js';
import { chosen, CONV_3X3 } from './tunable.js';

/** Rows of a strip, of one column and 8 output channels: what an invocation computes. */
const ROWS = 4;

const DILATED = { kernel: 'strip', WG: 64 } as const;

/** A run with the kernel that computes it. */
interface Run extends FastRun {
  readonly kernel: 'subgroup' | 'strip' | 'tile';
  readonly WG: number;
  readonly padding: number;
  readonly dilation: number;
  readonly NORM: number;
}

/** `padding` is that of this pass: 2*D - P for the gradient by the input. Dilated ones go by strips. */
export function fast3x3(r: Recorder, conv: FastConv, padding: number, dilation: number): void {
  if (dilation === 1 && goesByWinograd(r, conv)) {
    winograd3x3(r, conv, padding);
    return;
  }
  const [images = 1, , height = 1, width = 1] = conv.to.shape;
  const runs = fastRuns(r, conv, 227).map((run): Run => {
    const { inChannels, outChannels } = run.params;
    const { kernel, WG } = dilation > 1 ? DILATED : chosen(r, CONV_3X3, { images, inChannels, outChannels, height, width });
    const runnable = kernel === 'subgroup' && padding !== 1 ? 'strip' : kernel;
    return { ...run, kernel: runnable, WG, padding, dilation, NORM: Number(conv.from.pending) };
  });
  const whole = ({ params }: Run): boolean => params.inChannels === conv.from.dim('C');
  if (conv.moments && runs.every((run) => run.kernel === 'subgroup' && whole(run))) conv.to.moments = emptyMoments(r, conv.to);
  for (const run of runs) {
    if (run.kernel === 'subgroup') bySubgroup(r, conv, run);
    else (run.kernel === 'tile' ? byTile : byStrip)(r, conv, run);
  }
}

/** One part per group of eight strips. */
function emptyMoments(r: Recorder, y: Tensor<'NCHW'>): Moments {
  const partials = Math.ceil(stripsOf(y).count / 8);
  return { partial: r.empty('CKM', [y.dim('C'), partials, 3], 'batch moments').buffer, partials };
}

function stripsOf(y: Tensor<'NCHW'>, dilation = 1): { count: number; strips: number } {
  const strips = dilation * Math.ceil(y.dim('H') / (ROWS * dilation));
  return { count: y.dim('N') * strips * y.dim('W'), strips };
}

function bySubgroup(r: Recorder, { from, to }: FastConv, { buffers, params, octets, accumulate, WG: most, NORM }: Run): void {
  const { count, strips } = stripsOf(to);
  const WG = filled(r, most, count);
  const partial = to.moments?.partial ?? r.empty('C', [1], 'no moments').buffer;
  const [gx, gy] = flatGrid(count, WG);
  r.dispatch(shaders.conv2d3x3Subgroup, {
    buffers: { ...buffers, partial },
    params: { ...params, count, strips, height: from.dim('H'), width: from.dim('W'), groups: Math.ceil(count / 8) },
    overrides: { WG, FEW: Number(params.outChannels <= 4), ACCUMULATE: accumulate, NORM, MOMENTS: to.moments ? 1 : 0 },
    grid: [gx, gy, octets],
  });
}

function byStrip(
  r: Recorder,
  { from, to }: FastConv,
  { buffers, params, octets, accumulate, padding, dilation, WG: most, NORM }: Run,
): void {
  const { count, strips } = stripsOf(to, dilation);
  const WG = filled(r, most, count);
  const [gx, gy] = flatGrid(count, WG);
  r.dispatch(shaders.conv2d3x3, {
    buffers,
    params: { ...params, ...sides(from, to), count, strips, padding, dilation, accumulate },
    overrides: { WG, NORM },
    grid: [gx, gy, octets],
  });
}

function byTile(r: Recorder, { from, to }: FastConv, { buffers, params, octets, accumulate, padding, WG, NORM }: Run): void {
  // Pixels of CHUNK channels under a tile must fit into the 16 KiB of workgroup memory that WebGPU has everywhere.
  const { COLUMNS, CHUNK } = WG > 128 ? { COLUMNS: 32, CHUNK: 2 } : { COLUMNS: 16, CHUNK: 4 };
  const down = Math.ceil(to.dim('H') / (ROWS * (WG / COLUMNS)));
  const across = Math.ceil(to.dim('W') / COLUMNS);
  const count = to.dim('N') * down * across;
  const [gx, gy] = flatGrid(count, 1);
  r.dispatch(shaders.conv2d3x3Tile, {
    buffers,
    params: { ...params, ...sides(from, to), count, down, across, padding, accumulate },
    overrides: { WG, COLUMNS, CHUNK, NORM },
    grid: [gx, gy, octets],
  });
}

function sides(from: Tensor<'NCHW'>, to: Tensor<'NCHW'>) {
  return { height: from.dim('H'), width: from.dim('W'), outHeight: to.dim('H'), outWidth: to.dim('W') };
}
