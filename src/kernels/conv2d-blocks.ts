import { channelSlice, refusePending, type ChannelBlock, type Tensor } from '../runtime/tensor.js';

/** Pixels; the same along H and W. */
export interface ConvGeometry {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  /** Input and output channels are cut into so many runs, and each output run sees only the input run of its number; default 1. */
  readonly groups?: number;
}

/** A block of the convolution's input side and one of its output side, with their first channels as the weight counts them. */
export interface BlockPair {
  readonly in: ChannelBlock;
  readonly out: ChannelBlock;
  /** Within the group. */
  readonly firstIn: number;
  readonly firstOut: number;
}

/**
 * Group by group every output block with every input block, none of them pending: a convolution runs once per pair and adds up over the
 * input blocks.
 */
export function blockPairs(input: Tensor<'NCHW'>, output: Tensor<'NCHW'>, groups = 1): BlockPair[] {
  const [inChannels, outChannels] = [input.dim('C') / groups, output.dim('C') / groups];
  return Array.from({ length: groups }, (_, g) => g).flatMap((g) =>
    blocksWithFirst(channelSlice(output, g * outChannels, outChannels)).flatMap(([out, firstOut]) =>
      blocksWithFirst(channelSlice(input, g * inChannels, inChannels)).map(([block, firstIn]) => ({
        in: block,
        out,
        firstIn,
        firstOut: g * outChannels + firstOut,
      })),
    ),
  );
}

function blocksWithFirst(x: Tensor<'NCHW'>): [ChannelBlock, number][] {
  refusePending(x);
  let first = 0;
  return x.blocks.map((block) => {
    first += block.count;
    return [block, first - block.count];
  });
}

/** Cuts a block into pieces of `most` channels; the last one may have fewer. */
export function cutBlock(block: ChannelBlock, most: number): { readonly block: ChannelBlock; readonly first: number }[] {
  return Array.from({ length: Math.ceil(block.count / most) }, (_, k) => {
    const first = k * most;
    return { first, block: { ...block, offset: block.offset + first, count: Math.min(most, block.count - first) } };
  });
}

/** Sizes in pixels, by the names of the shaders' params. */
export function spatial(x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, { stride, padding, dilation }: ConvGeometry) {
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
