import type { ChannelBlock, Tensor } from '../runtime/tensor.js';

/** Pixels; the same along H and W. */
export interface ConvGeometry {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** A block of the convolution's input side and one of its output side, with their first channels. */
export interface BlockPair {
  readonly in: ChannelBlock;
  readonly out: ChannelBlock;
  readonly firstIn: number;
  readonly firstOut: number;
}

/** Every output block with every input block: a convolution runs once per pair and adds up over the input blocks. */
export function blockPairs(input: Tensor<'NCHW'>, output: Tensor<'NCHW'>): BlockPair[] {
  return blocksWithFirst(output).flatMap(([out, firstOut]) =>
    blocksWithFirst(input).map(([block, firstIn]) => ({ in: block, out, firstIn, firstOut })),
  );
}

function blocksWithFirst(x: Tensor<'NCHW'>): [ChannelBlock, number][] {
  let first = 0;
  return x.blocks.map((block) => {
    first += block.count;
    return [block, first - block.count];
  });
}

/** Cuts a block into pieces of at most `most` channels, as equal as can be. */
export function cutBlock(block: ChannelBlock, most: number): { readonly block: ChannelBlock; readonly first: number }[] {
  const pieces = Math.ceil(block.count / most);
  const size = Math.ceil(block.count / pieces);
  return Array.from({ length: Math.ceil(block.count / size) }, (_, k) => {
    const first = k * size;
    return { first, block: { ...block, offset: block.offset + first, count: Math.min(size, block.count - first) } };
  });
}
