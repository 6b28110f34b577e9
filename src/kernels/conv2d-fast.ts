import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { blockPairs, cutBlock, type BlockPair, type ConvGeometry } from './conv2d-blocks.js';
import * as shaders from './shaders.gen.js';

/** Input channels times blocks of 8 output channels whose 3x3 taps fit into the 64 KiB of a uniform binding (`weight` in the shader). */
const TAPS_PER_BINDING = 227;
const FLOATS_PER_TAPS = 9 * 8;

/** 3x3, stride 1, undilated: what conv2d-3x3.wgsl computes, forward and (with padding 2 - P) as the gradient by the input. */
export function isFast3x3(r: Recorder, weight: Tensor<'OIHW'>, { stride, padding, dilation }: ConvGeometry): boolean {
  const square = weight.dim('H') === 3 && weight.dim('W') === 3;
  return square && stride === 1 && dilation === 1 && padding <= 2 && r.device.maxBindingBytes >= 4 * FLOATS_PER_TAPS * TAPS_PER_BINDING;
}

/** How the weights are read: forward as they are, for the gradient by the input with the channel axes swapped and the taps flipped. */
export type WeightOrder = 'forward' | 'gradInput';

interface Fast3x3 {
  readonly from: Tensor<'NCHW'>;
  readonly to: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'> | null;
  readonly order: WeightOrder;
  /** Of this pass: 2 - P for the gradient by the input. */
  readonly padding: number;
  readonly relu: boolean;
}

export function fast3x3(r: Recorder, { from, to, weight, bias, order, padding, relu }: Fast3x3): void {
  const [images, , outHeight = 1, outWidth = 1] = to.shape;
  const strips = Math.ceil(outHeight / 4);
  const count = (images ?? 1) * strips * outWidth;
  const [gx, gy] = flatGrid(count, shaders.conv2d3x3.overrides.WG);
  for (const pair of blockPairs(from, to)) {
    for (const input of cutBlock(pair.in, TAPS_PER_BINDING)) {
      const firstIn = pair.firstIn + input.first;
      for (const output of cutBlock(pair.out, 8 * Math.floor(TAPS_PER_BINDING / input.block.count))) {
        const firstOut = pair.firstOut + output.first;
        const [inChannels, outChannels] = [input.block.count, output.block.count];
        const packed = packWeights(r, weight, { order, firstIn, firstOut, inChannels, outChannels });
        r.dispatch(shaders.conv2d3x3, {
          buffers: { x: input.block.buffer, weight: packed, bias: (bias ?? weight).buffer, y: output.block.buffer },
          params: {
            count,
            strips,
            height: from.dim('H'),
            width: from.dim('W'),
            outHeight,
            outWidth,
            padding,
            inChannels,
            outChannels,
            xChannels: input.block.blockChannels,
            xOffset: input.block.offset,
            yChannels: output.block.blockChannels,
            yOffset: output.block.offset,
            biasOffset: firstOut,
            hasBias: bias ? 1 : 0,
            accumulate: firstIn > 0 ? 1 : 0,
            relu: relu && firstIn + inChannels === from.dim('C') ? 1 : 0,
          },
          grid: [gx, gy, Math.ceil(outChannels / 8)],
        });
      }
    }
  }
}

interface PackedRun {
  readonly order: WeightOrder;
  readonly firstIn: number;
  readonly firstOut: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** A transient copy of the weights of these channels, of the size that the shader's uniform array demands. */
function packWeights(r: Recorder, weight: Tensor<'OIHW'>, { order, firstIn, firstOut, inChannels, outChannels }: PackedRun): BufferRef {
  const taps = weight.dim('H') * weight.dim('W');
  const row = weight.dim('I') * taps;
  const [outStride, inStride] = order === 'forward' ? [row, taps] : [taps, row];
  const packed = r.empty('C', [FLOATS_PER_TAPS * TAPS_PER_BINDING], 'packed weights').buffer;
  const count = Math.ceil(outChannels / 8) * inChannels * taps * 8;
  r.dispatch(shaders.conv2dPack, {
    buffers: { weight: weight.buffer, packed },
    params: {
      count,
      inChannels,
      outChannels,
      taps,
      first: firstOut * outStride + firstIn * inStride,
      outStride,
      inStride,
      flip: order === 'gradInput' ? 1 : 0,
    },
    grid: flatGrid(count, shaders.conv2dPack.overrides.WG),
  });
  return packed;
}

/** Workgroups that keep a GPU busy, and the most strips that one invocation walks: from the shape alone, so that every run adds alike. */
const GRAD_WEIGHT_WORKGROUPS = 512;
const STRIP_ROWS = 32;
const MAX_DEPTH = 8;

/** Splits N*OH*OW pixels into strips (columns of `rows` pixels) and the strips into tiles of one workgroup each. */
export function stripTiles(images: number, height: number, width: number, workgroupsPerTile: number) {
  const WG = shaders.conv2d3x3GradWeight.overrides.WG;
  const chunks = Math.ceil(height / STRIP_ROWS);
  const rows = Math.ceil(height / chunks);
  const count = images * chunks * width;
  const mostTiles = Math.ceil(count / WG);
  const wantedTiles = Math.ceil(GRAD_WEIGHT_WORKGROUPS / workgroupsPerTile);
  const depth = Math.min(MAX_DEPTH, Math.max(1, Math.floor(mostTiles / wantedTiles)));
  return { count, rows, chunks, depth, tiles: Math.ceil(count / (WG * depth)) };
}

export function fast3x3GradWeight(
  r: Recorder,
  pair: BlockPair,
  { x, dy, padding }: { x: Tensor<'NCHW'>; dy: Tensor<'NCHW'>; padding: number },
): { partial: BufferRef; tiles: number } {
  const [images = 1, , outHeight = 1, outWidth = 1] = dy.shape;
  const [inChannels, outChannels] = [pair.in.count, pair.out.count];
  const planes = inChannels * Math.ceil(outChannels / 8);
  const strips = stripTiles(images, outHeight, outWidth, planes);
  const partial = r.empty('C', [strips.tiles * outChannels * inChannels * 9], 'weight gradient tiles').buffer;
  const [gx, gy] = flatGrid(strips.tiles, 1);
  r.dispatch(shaders.conv2d3x3GradWeight, {
    buffers: { x: pair.in.buffer, dy: pair.out.buffer, partial },
    params: {
      ...strips,
      height: x.dim('H'),
      width: x.dim('W'),
      outHeight,
      outWidth,
      padding,
      inChannels,
      outChannels,
      xChannels: pair.in.blockChannels,
      xOffset: pair.in.offset,
      dyChannels: pair.out.blockChannels,
      dyOffset: pair.out.offset,
    },
    grid: [gx, gy, planes],
  });
  return { partial, tiles: strips.tiles };
}
