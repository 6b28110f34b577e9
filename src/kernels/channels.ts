import { alignBlocks, type ChannelBlock, type Tensor } from '../runtime/tensor.js';
import type { BufferRef } from '../runtime/storage.js';

/** One dispatch's share of an operation that works channel by channel on NCHW tensors of equal C. */
export interface ChannelRun<Name extends string> {
  readonly firstChannel: number;
  readonly channels: number;
  readonly buffers: Readonly<Record<Name, BufferRef>>;
  /** `xChannels` and `xOffset` for every tensor x: channels in its buffer and the first channel of this run there. */
  readonly views: Readonly<Record<`${Name}Channels` | `${Name}Offset`, number>>;
  /** The batch norm tables of those maps that have one. */
  readonly tables: Readonly<Partial<Record<Name, BufferRef>>>;
}

/** Cuts tensors into runs of channels that each lie in one block; tensors of other axes count as one channel. */
export function channelRuns<Name extends string>(tensors: Readonly<Record<Name, Tensor>>): ChannelRun<Name>[] {
  const names = Object.keys(tensors) as Name[];
  const list = names.map((name) => tensors[name]);
  const maps = list.filter((t): t is Tensor<'NCHW'> => t.axes === 'NCHW');
  const runs = maps.length === list.length ? alignBlocks(maps) : [{ firstChannel: 0, count: 1, blocks: list.map(whole) }];
  return runs.map((run) => {
    const buffers = {} as Record<Name, BufferRef>;
    const tables: Partial<Record<Name, BufferRef>> = {};
    const views = {} as Record<`${Name}Channels` | `${Name}Offset`, number>;
    for (const [i, name] of names.entries()) {
      const block = run.blocks[i];
      if (!block) throw new Error(`channelRuns: no block for ${name}.`);
      buffers[name] = block.buffer;
      if (block.table) tables[name] = block.table;
      views[`${name}Channels`] = block.blockChannels;
      views[`${name}Offset`] = block.offset;
    }
    return { firstChannel: run.firstChannel, channels: run.count, buffers, views, tables };
  });
}

function whole(t: Tensor): ChannelBlock {
  return { buffer: t.buffer, blockChannels: 1, offset: 0, count: 1 };
}

/** Images and pixels per plane of a tensor as `channelRuns` cuts it: N and H*W for NCHW, else 1 and all elements. */
export function planes(x: Tensor): { images: number; plane: number } {
  return x.axes === 'NCHW' ? { images: x.dim('N'), plane: x.dim('H') * x.dim('W') } : { images: 1, plane: x.size };
}
