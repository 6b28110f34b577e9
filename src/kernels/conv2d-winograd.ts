import type { Device } from '../runtime/device.js';
import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { stored, type Tensor } from '../runtime/tensor.js';
import type { OpShape } from '../runtime/tuning.js';
import { channelRuns } from './channels.js';
import type { FastConv } from './conv2d-fast.js';
import * as shaders from './shaders.gen.js';
import { chosen, fillsSubgroups, type Tunable } from './tunable.js';

/*
 * 3x3 convolutions by Winograd's F(4x4, 3x3): 36 products instead of 144 per pair of channels and 4x4 pixels. x is cut into tiles of 6x6 that
 * overlap, and these are transformed, mixed at each of 36 frequencies, and transformed back. The maps between have 36/16 of the size of x
 * and y: they are made and used up for some rows of tiles at a time. docs/decisions/0012-winograd.md says when it pays and what it costs.
 */

const FREQUENCIES = 36;
const TILE = 4;

/** Memory of the tiles between two steps: they should stay in caches, and dispatches be few. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Fewest channels on both sides, and pixels, for which it was measured to be faster on a software adapter. */
const [LEAST_CHANNELS, LEAST_PIXELS] = [40, 4096];

const WG = 64;

/** The two ways of a 3x3 convolution of stride 1, forward or by the input. */
export const CONV_3X3_WAY: Tunable<'direct' | 'winograd'> = {
  op: 'conv3x3-way',
  candidates: new Map([['direct', 'direct'], ['winograd', 'winograd']]), // prettier-ignore
  usual: ({ images, inChannels, outChannels, height, width }, { adapter }) =>
    adapter.isFallbackAdapter && Math.min(inChannels, outChannels) >= LEAST_CHANNELS && images * height * width >= LEAST_PIXELS
      ? 'winograd'
      : 'direct',
  runs: (way, device, shape) => way === 'direct' || (fillsSubgroups(device, WG) && fits(device, shape)),
};

/** Whether the transformed weights, and one row of tiles, fit into a binding. */
function fits({ maxBindingBytes }: Device, { inChannels, outChannels, width }: OpShape): boolean {
  const rowBytes = 4 * FREQUENCIES * Math.max(inChannels, outChannels) * Math.ceil(width / TILE);
  return rowBytes <= maxBindingBytes && 4 * FREQUENCIES * inChannels * 8 * Math.ceil(outChannels / 8) <= maxBindingBytes;
}

export function goesByWinograd(r: Recorder, { from, to }: FastConv): boolean {
  const [images = 1, outChannels = 1, height = 1, width = 1] = to.shape;
  return chosen(r, CONV_3X3_WAY, { images, inChannels: from.dim('C'), outChannels, height, width }) === 'winograd';
}

/** Some rows of tiles, over all images. */
interface Piece {
  readonly tiles: number;
  readonly firstRow: number;
  /** Tiles below and beside each other in an image. */
  readonly rows: number;
  readonly columns: number;
}

/** `padding` is that of this pass: 2 - P for the gradient by the input. */
export function winograd3x3(r: Recorder, conv: FastConv, padding: number): void {
  const { to, moments } = conv;
  if (moments) {
    const partials = tilesOf(to).tiles;
    to.moments = { partial: r.empty('CKM', [to.dim('C'), partials, 3], 'batch moments').buffer, partials };
  }
  const weight = transformWeights(r, conv);
  for (const piece of pieces(r, conv)) {
    const transformed = transformInput(r, conv, piece, padding);
    transformBack(r, conv, piece, multiply(r, conv, piece, weight, transformed));
  }
}

function channelsOf({ from, to }: FastConv): { inChannels: number; outChannels: number } {
  return { inChannels: from.dim('C'), outChannels: to.dim('C') };
}

function tilesOf(y: Tensor<'NCHW'>) {
  const [rows, columns] = [Math.ceil(y.dim('H') / TILE), Math.ceil(y.dim('W') / TILE)];
  return { rows, columns, tiles: y.dim('N') * rows * columns };
}

function pieces(r: Recorder, conv: FastConv): Piece[] {
  const { to } = conv;
  const { inChannels, outChannels } = channelsOf(conv);
  const images = to.dim('N');
  const { rows, columns } = tilesOf(to);
  const rowBytes = 4 * FREQUENCIES * Math.max(inChannels, outChannels) * columns;
  const most = Math.max(1, Math.floor(Math.min(PIECE_BYTES, r.device.maxBindingBytes) / rowBytes));
  const count = Math.ceil((images * rows) / most);
  const each = Math.ceil((images * rows) / count);
  return Array.from({ length: Math.ceil((images * rows) / each) }, (_, k) => {
    const tiles = Math.min(each, images * rows - k * each) * columns;
    return { tiles, firstRow: k * each, rows, columns };
  });
}

/** [36,octets,inChannels,8] */
function transformWeights(r: Recorder, conv: FastConv): BufferRef {
  const { weight, order } = conv;
  const { inChannels, outChannels } = channelsOf(conv);
  const count = 8 * Math.ceil(outChannels / 8) * inChannels;
  const transformed = r.empty('C', [FREQUENCIES * count], 'transformed weights').buffer;
  const [outStride, inStride] = order === 'forward' ? [9 * weight.dim('I'), 9] : [9, 9 * weight.dim('I')];
  r.dispatch(shaders.conv2d3x3WinogradWeight, {
    buffers: { weight: weight.buffer, transformed },
    params: {
      ...{ count, inChannels, outChannels, outStride, inStride },
      flip: order === 'gradInput' ? 1 : 0,
    },
    overrides: { WG },
    grid: flatGrid(count, WG),
  });
  return transformed;
}

/** [36,inChannels,tiles] */
function transformInput(r: Recorder, { from }: FastConv, piece: Piece, padding: number): BufferRef {
  const allChannels = from.dim('C');
  const transformed = r.empty('C', [FREQUENCIES * allChannels * piece.tiles], 'transformed tiles').buffer;
  for (const { firstChannel, channels, buffers, tables, views } of channelRuns({ x: stored(from) })) {
    r.dispatch(shaders.conv2d3x3WinogradInput, {
      buffers: { ...buffers, table: tables.x ?? buffers.x, transformed },
      params: { ...piece, height: from.dim('H'), width: from.dim('W'), padding, firstChannel, allChannels, ...views },
      overrides: { WG, NORM: Number(from.pending) },
      grid: [Math.ceil(piece.tiles / WG), channels, 1],
    });
  }
  return transformed;
}

/** Octets of output channels per invocation. */
const MOST_OCTETS = 5;

/** [36,outChannels,tiles] */
function multiply(r: Recorder, conv: FastConv, { tiles }: Piece, weight: BufferRef, x: BufferRef): BufferRef {
  const { inChannels, outChannels } = channelsOf(conv);
  const products = r.empty('C', [FREQUENCIES * outChannels * tiles], 'transformed products').buffer;
  const octets = Math.ceil(outChannels / 8);
  const groups = Math.ceil(octets / MOST_OCTETS);
  const quarter = Math.ceil(tiles / 4);
  r.dispatch(shaders.conv2d3x3WinogradMultiply, {
    buffers: { x, weight, products },
    params: { tiles, quarter, inChannels, outChannels },
    overrides: { WG, OCTETS: Math.ceil(octets / groups) },
    grid: [Math.ceil(quarter / WG), FREQUENCIES, groups],
  });
  return products;
}

function transformBack(r: Recorder, { to, bias, weight, relu }: FastConv, piece: Piece, products: BufferRef): void {
  const partial = to.moments?.partial ?? r.empty('C', [1], 'no moments').buffer;
  const sizes = { outHeight: to.dim('H'), outWidth: to.dim('W'), allChannels: to.dim('C'), allTiles: to.moments?.partials ?? 0 };
  for (const { firstChannel, channels, buffers, views } of channelRuns({ y: to })) {
    r.dispatch(shaders.conv2d3x3Winograd, {
      buffers: { products, bias: (bias ?? weight).buffer, ...buffers, partial },
      params: { ...piece, ...sizes, firstChannel, hasBias: bias ? 1 : 0, relu: relu ? 1 : 0, ...views },
      overrides: { WG, MOMENTS: to.moments ? 1 : 0 },
      grid: [Math.ceil(piece.tiles / WG), channels, 1],
    });
  }
}
