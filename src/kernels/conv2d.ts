import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { blockPairs, type BlockPair, type ConvGeometry } from './conv2d-blocks.js';
import { fast3x3, fast3x3GradWeight, isFast3x3 } from './conv2d-fast.js';
import * as shaders from './shaders.gen.js';

export interface ConvTensors {
  readonly x: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'> | null;
  readonly y: Tensor<'NCHW'>;
}

/** y = conv2d(x), with the fast kernel where there is one for the geometry. */
export function conv2d(r: Recorder, tensors: ConvTensors, geometry: ConvGeometry, relu: boolean): void {
  const { x, weight, bias, y } = tensors;
  if (!isFast3x3(r, weight, geometry)) plainConv2d(r, tensors, geometry, relu);
  else fast3x3(r, { from: x, to: y, weight, bias, order: 'forward', padding: geometry.padding, relu });
}

/** Any geometry, channel block by channel block: the first block of x writes bias + sum, later ones add to y. */
export function plainConv2d(r: Recorder, { x, weight, bias, y }: ConvTensors, geometry: ConvGeometry, relu: boolean): void {
  const sizes = spatial(x, y, weight, geometry);
  const count = y.dim('N') * y.dim('H') * y.dim('W');
  for (const pair of blockPairs(x, y)) {
    const [gx, gy] = flatGrid(count, shaders.conv2d.overrides.WG);
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
        relu: relu && pair.firstIn + pair.in.count === x.dim('C') ? 1 : 0,
      },
      grid: [gx, gy, Math.ceil(pair.out.count / 8)],
    });
  }
}

export function conv2dGradInput(r: Recorder, weight: Tensor<'OIHW'>, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, geometry: ConvGeometry): void {
  if (!isFast3x3(r, weight, geometry)) plainConv2dGradInput(r, weight, dy, dx, geometry);
  else fast3x3(r, { from: dy, to: dx, weight, bias: null, order: 'gradInput', padding: 2 - geometry.padding, relu: false });
}

export function plainConv2dGradInput(
  r: Recorder,
  weight: Tensor<'OIHW'>,
  dy: Tensor<'NCHW'>,
  dx: Tensor<'NCHW'>,
  geometry: ConvGeometry,
): void {
  const sizes = spatial(dx, dy, weight, geometry);
  const count = dx.dim('N') * dx.dim('H') * dx.dim('W');
  for (const pair of blockPairs(dx, dy)) {
    const [gx, gy] = flatGrid(count, shaders.conv2dGradInput.overrides.WG);
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
        accumulate: pair.firstOut > 0 ? 1 : 0,
      },
      grid: [gx, gy, Math.ceil(pair.in.count / 8)],
    });
  }
}

/** Fewest pixels of dy worth a tile of the split sums, and the most tiles: from the shape alone, so that every run adds alike. */
const TILE_PIXELS = 1024;
const MAX_TILES = 64;

/** Two stages: sums over fixed tiles of pixels, then the tiles in order, so that every run gives the same bits. */
export function conv2dGradWeight(r: Recorder, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, dw: Tensor<'OIHW'>, geometry: ConvGeometry): void {
  if (!isFast3x3(r, dw, geometry)) plainConv2dGradWeight(r, x, dy, dw, geometry);
  else sumPairs(r, x, dy, dw, (pair) => fast3x3GradWeight(r, pair, { x, dy, padding: geometry.padding }));
}

export function plainConv2dGradWeight(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  dw: Tensor<'OIHW'>,
  geometry: ConvGeometry,
): void {
  const sizes = spatial(x, dy, dw, geometry);
  const count = dy.dim('N') * dy.dim('H') * dy.dim('W');
  sumPairs(r, x, dy, dw, (pair) => {
    const columns = pair.in.count * sizes.kernelHeight * sizes.kernelWidth;
    const { tile, tiles } = splitTiles(r, count, pair.out.count * columns);
    const partial = r.empty('C', [tiles * pair.out.count * columns], 'weight gradient tiles').buffer;
    const [gx, gy] = flatGrid(columns, 1);
    r.dispatch(shaders.conv2dGradWeight, {
      buffers: { x: pair.in.buffer, dy: pair.out.buffer, partial },
      params: {
        count,
        tile,
        tiles,
        ...sizes,
        inChannels: pair.in.count,
        outChannels: pair.out.count,
        xChannels: pair.in.blockChannels,
        xOffset: pair.in.offset,
        dyChannels: pair.out.blockChannels,
        dyOffset: pair.out.offset,
      },
      grid: [gx, gy, tiles * Math.ceil(pair.out.count / 8)],
    });
    return { partial, tiles };
  });
}

type Tiles = (pair: BlockPair) => { readonly partial: BufferRef; readonly tiles: number };

/** Adds the tiles [tiles,O,I,KH,KW] of every pair of channel blocks into their part of the weight's gradient. */
function sumPairs(r: Recorder, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, dw: Tensor<'OIHW'>, tilesOf: Tiles): void {
  const taps = dw.dim('H') * dw.dim('W');
  const stride = dw.dim('I') * taps;
  for (const pair of blockPairs(x, dy)) {
    const { partial, tiles } = tilesOf(pair);
    const first = pair.firstOut * stride + pair.firstIn * taps;
    sumTiles(r, partial, dw.buffer, { rows: pair.out.count, columns: pair.in.count * taps, tiles, first, stride });
  }
}

export function conv2dGradBias(r: Recorder, dy: Tensor<'NCHW'>, db: Tensor<'C'>): void {
  const images = dy.dim('N');
  const plane = dy.dim('H') * dy.dim('W');
  let first = 0;
  for (const block of dy.blocks) {
    const { tile, tiles } = splitTiles(r, plane, block.count);
    const partial = r.empty('C', [tiles * block.count], 'bias gradient tiles').buffer;
    r.dispatch(shaders.conv2dGradBias, {
      buffers: { dy: block.buffer, partial },
      params: { images, plane, tile, channels: block.count, dyChannels: block.blockChannels, dyOffset: block.offset },
      grid: [block.count, tiles, 1],
    });
    sumTiles(r, partial, db.buffer, { rows: 1, columns: block.count, tiles, first, stride: block.count });
    first += block.count;
  }
}

/** Pixels per tile and number of tiles for `count` pixels; one tile's sums must fit into a binding beside the others. */
function splitTiles(r: Recorder, count: number, sums: number): { tile: number; tiles: number } {
  const fitting = Math.max(1, Math.floor(r.device.maxBindingBytes / (4 * sums)));
  const tile = Math.ceil(count / Math.min(Math.ceil(count / TILE_PIXELS), MAX_TILES, fitting));
  return { tile, tiles: Math.ceil(count / tile) };
}

interface TileSums {
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly first: number;
  readonly stride: number;
}

function sumTiles(r: Recorder, partial: BufferRef, out: BufferRef, { rows, columns, tiles, first, stride }: TileSums): void {
  const count = rows * columns;
  r.dispatch(shaders.conv2dGradSum, {
    buffers: { partial, out },
    params: { count, columns, tiles, first, stride },
    grid: flatGrid(count, shaders.conv2dGradSum.overrides.WG),
  });
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

function spatial(x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, { stride, padding, dilation }: ConvGeometry) {
  return {
    height: x.dim('H'),
    width: x.dim('W'),
    outHeight: y.dim('H'),
    outWidth: y.dim('W'),
    kernelHeight: weight.dim('H'),
    kernelWidth: weight.dim('W'),
    stride,
    padding,
    dilation,
  };
}
