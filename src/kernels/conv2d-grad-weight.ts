import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { refusePending, stored, type Tensor } from '../runtime/tensor.js';
import { blockPairs, spatial, type BlockPair, type ConvGeometry } from './conv2d-blocks.js';
import { depthwiseConv2dGradWeight, isDepthwise } from './conv2d-depthwise.js';
import { fastKernel } from './conv2d-fast.js';
import * as shaders from './shaders.gen.js';
import { chosen, CONV_3X3_GRAD_WEIGHT } from './tunable.js';

/**
 * Gradient by the weight in two stages: sums over fixed tiles of pixels, then the tiles in order. The tiles follow from the
 * shape, the tuning table and, where their sums would not fit, the largest binding: with the same table every run on a device gives the
 * same bits.
 */
export function conv2dGradWeight(r: Recorder, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, dw: Tensor<'OIHW'>, geometry: ConvGeometry): void {
  const fast = fastKernel(r, dw, geometry);
  if (!fast && isDepthwise(dw, geometry)) depthwiseConv2dGradWeight(r, x, dy, dw, geometry);
  else if (!fast) plainConv2dGradWeight(r, x, dy, dw, geometry);
  else sumPairs(r, { x, dy, dw }, (pair) => (fast === '3x3' ? tiles3x3 : tiles1x1)(r, pair, { x, dy, dw }, geometry));
}

/** Any geometry. */
export function plainConv2dGradWeight(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  dw: Tensor<'OIHW'>,
  geometry: ConvGeometry,
): void {
  sumPairs(r, { x, dy, dw }, (pair) => plainTiles(r, pair, { x, dy, dw }, geometry), { groups: geometry.groups });
}

/**
 * That of 3x3 weights whose taps are channels of `dy`, [N,9*O,h,w]: the convolution between x and dy is 1x1.
 */
export function mixingGradWeight(r: Recorder, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, dw: Tensor<'OIHW'>): void {
  sumPairs(r, { x, dy, dw }, (pair) => tiles1x1(r, pair, { x, dy, dw }, { stride: 1, padding: 0, dilation: 1 }), { parts: 9 });
}

interface GradWeight {
  /** May be pending, except for `plainTiles`. */
  readonly x: Tensor<'NCHW'>;
  readonly dy: Tensor<'NCHW'>;
  readonly dw: Tensor<'OIHW'>;
}

interface Tiles {
  /** [tiles,O,I,KH,KW] of a pair of channel blocks, or the gradient itself. */
  readonly partial: BufferRef;
  readonly tiles: number;
}

/** Where the tiles of a pair go, each of so many sums: one tile of all channels is the gradient itself. */
function placeOfTiles(r: Recorder, pair: BlockPair, dw: Tensor<'OIHW'>, tiles: number, sums: number): BufferRef {
  if (tiles === 1 && pair.out.count === dw.dim('O') && pair.in.count === dw.dim('I')) return dw.buffer;
  return r.empty('C', [tiles * sums], 'weight gradient tiles').buffer;
}

function plainTiles(r: Recorder, pair: BlockPair, { x, dy, dw }: GradWeight, geometry: ConvGeometry): Tiles {
  refusePending(x);
  const sizes = spatial(x, dy, dw, geometry);
  const count = dy.dim('N') * sizes.outHeight * sizes.outWidth;
  const columns = pair.in.count * sizes.kernelHeight * sizes.kernelWidth;
  const { tile, tiles } = splitTiles(r, count, pair.out.count * columns);
  const partial = placeOfTiles(r, pair, dw, tiles, pair.out.count * columns);
  const [gx, gy] = flatGrid(columns, 1);
  r.dispatch(shaders.conv2dGradWeight, {
    buffers: { x: pair.in.buffer, dy: pair.out.buffer, partial },
    params: { count, tile, tiles, ...sizes, ...channelsOf(pair) },
    grid: [gx, gy, tiles * Math.ceil(pair.out.count / 8)],
  });
  return { partial, tiles };
}

/** Pixels of a column per strip; most strips that one invocation walks. */
const STRIP_ROWS = 32;
const MAX_DEPTH = 32;

/** Invocations per workgroup, and how many workgroups or groups of eight keep the adapter busy. */
interface Split {
  readonly WG: number;
  readonly tiles: number;
}

const DILATED: Split = { WG: 16, tiles: 128 };

function tiles3x3(r: Recorder, pair: BlockPair, tensors: GradWeight, geometry: ConvGeometry): Tiles {
  const [images, height, width] = [tensors.dy.dim('N'), tensors.dy.dim('H'), tensors.dy.dim('W')];
  const shape = { images, inChannels: pair.in.count, outChannels: pair.out.count, height, width };
  if (geometry.dilation > 1) return tiles3x3Strip(r, pair, tensors, geometry, DILATED);
  const { kernel, ...split } = chosen(r, CONV_3X3_GRAD_WEIGHT, shape);
  return (kernel === 'subgroup' ? tiles3x3Subgroup : tiles3x3Strip)(r, pair, tensors, geometry, split);
}

function tiles3x3Strip(
  r: Recorder,
  pair: BlockPair,
  { x, dy, dw }: GradWeight,
  { padding, dilation }: ConvGeometry,
  { WG, tiles: busy }: Split,
): Tiles {
  const [images = 1, , outHeight = 1, outWidth = 1] = dy.shape;
  const planes = pair.in.count * Math.ceil(pair.out.count / 8);
  const rows = Math.ceil(outHeight / dilation); // those that a strip may step on
  const each = Math.ceil(rows / STRIP_ROWS);
  const chunks = dilation * each;
  const count = images * chunks * outWidth;
  const mostTiles = Math.ceil(count / WG);
  const sums = pair.out.count * pair.in.count * 9;
  const leastDepth = Math.ceil((4 * sums * mostTiles) / r.device.maxBindingBytes);
  const depth = Math.max(leastDepth, Math.min(MAX_DEPTH, Math.floor(mostTiles / Math.ceil(busy / planes))));
  const tiles = Math.ceil(mostTiles / depth);
  const partial = placeOfTiles(r, pair, dw, tiles, sums);
  const [gx, gy] = flatGrid(planes, 1);
  r.dispatch(shaders.conv2d3x3GradWeight, {
    buffers: { x: pair.in.buffer, dy: pair.out.buffer, table: pair.in.table ?? pair.in.buffer, partial },
    params: {
      ...{ count, rows: Math.ceil(rows / each), chunks, depth },
      ...{ height: x.dim('H'), width: x.dim('W'), outHeight, outWidth, padding, dilation },
      ...channelsOf(pair),
    },
    overrides: { WG, NORM: Number(x.pending) },
    grid: [gx, gy, tiles],
  });
  return { partial, tiles };
}

function tiles3x3Subgroup(
  r: Recorder,
  pair: BlockPair,
  { x, dy, dw }: GradWeight,
  { padding }: ConvGeometry,
  { WG, tiles: busy }: Split,
): Tiles {
  const [images = 1, , outHeight = 1, outWidth = 1] = dy.shape;
  const planes = Math.ceil(pair.in.count / 8) * Math.ceil(pair.out.count / 8);
  const chunks = Math.ceil(outHeight / STRIP_ROWS);
  const columns = Math.ceil(outWidth / 8);
  const count = images * chunks * columns;
  const sums = pair.out.count * pair.in.count * 9;
  const leastDepth = Math.ceil((4 * sums * count) / r.device.maxBindingBytes);
  const depth = Math.max(leastDepth, Math.min(MAX_DEPTH, Math.floor(count / Math.ceil(busy / planes))), 1);
  const tiles = Math.ceil(count / depth);
  const partial = placeOfTiles(r, pair, dw, tiles, sums);
  r.dispatch(shaders.conv2d3x3GradWeightSubgroup, {
    buffers: { x: pair.in.buffer, dy: pair.out.buffer, table: pair.in.table ?? pair.in.buffer, partial },
    params: {
      ...{ count, tiles, depth, rows: Math.ceil(outHeight / chunks), chunks, columns },
      ...{ height: x.dim('H'), width: x.dim('W'), outHeight, outWidth, padding },
      ...channelsOf(pair),
    },
    overrides: { WG, NORM: Number(x.pending) },
    grid: flatGrid(8 * tiles * planes, WG),
  });
  return { partial, tiles };
}

function tiles1x1(r: Recorder, pair: BlockPair, { x, dy, dw }: GradWeight, { stride }: ConvGeometry): Tiles {
  const [images = 1, , outHeight = 1, outWidth = 1] = dy.shape;
  const count = images * outHeight * outWidth;
  const { tile, tiles } = splitTiles(r, count, pair.out.count * pair.in.count);
  const partial = placeOfTiles(r, pair, dw, tiles, pair.out.count * pair.in.count);
  const [gx, gy] = flatGrid(Math.ceil(pair.in.count / 8) * Math.ceil(pair.out.count / 8), 1);
  r.dispatch(shaders.conv2d1x1GradWeight, {
    buffers: { x: pair.in.buffer, dy: pair.out.buffer, table: pair.in.table ?? pair.in.buffer, partial },
    params: { count, tile, plane: x.dim('H') * x.dim('W'), width: x.dim('W'), outHeight, outWidth, stride, ...channelsOf(pair) },
    overrides: { NORM: Number(x.pending) },
    grid: [gx, gy, tiles],
  });
  return { partial, tiles };
}

function channelsOf(pair: BlockPair) {
  return {
    inChannels: pair.in.count,
    outChannels: pair.out.count,
    xChannels: pair.in.blockChannels,
    xOffset: pair.in.offset,
    dyChannels: pair.out.blockChannels,
    dyOffset: pair.out.offset,
  };
}

/** Fewest pixels worth a tile of the split sums, and the most tiles. */
const TILE_PIXELS = 1024;
const MAX_TILES = 64;

/** Pixels per tile and number of tiles for `count` pixels; the `sums` of all tiles must fit into one binding. */
function splitTiles(r: Recorder, count: number, sums: number): { tile: number; tiles: number } {
  const fitting = Math.max(1, Math.floor(r.device.maxBindingBytes / (4 * sums)));
  const tile = Math.ceil(count / Math.min(Math.ceil(count / TILE_PIXELS), MAX_TILES, fitting));
  return { tile, tiles: Math.ceil(count / tile) };
}

/** Adds the tiles of every pair of channel blocks into their part of the weight's gradient. `parts`: channels of dy per row of dw. */
function sumPairs(
  r: Recorder,
  { x, dy, dw }: GradWeight,
  tilesOf: (pair: BlockPair) => Tiles,
  { groups = 1, parts = 1 }: { groups?: number | undefined; parts?: number } = {},
): void {
  const taps = dw.dim('H') * dw.dim('W');
  for (const pair of blockPairs(stored(x), dy, groups)) {
    const { partial, tiles } = tilesOf(pair);
    if (partial === dw.buffer) continue;
    const columns = (pair.in.count * taps) / parts;
    const count = pair.out.count * columns;
    r.dispatch(shaders.conv2dGradSum, {
      buffers: { partial, out: dw.buffer },
      params: { count, columns, tiles, firstRow: pair.firstOut, firstColumn: pair.firstIn * taps, stride: dw.dim('I') * taps, parts },
      grid: flatGrid(count, shaders.conv2dGradSum.overrides.WG),
    });
  }
}
