import { bytesOf, type BufferRef, type ElementType } from './storage.js';

/**
 * Some channels of an NCHW tensor inside a buffer that holds `blockChannels` channels: the plane of image n and channel c
 * (0 <= c < count) starts at element ((n * blockChannels + offset + c) * H * W) of `buffer`.
 */
export interface ChannelBlock {
  readonly buffer: BufferRef;
  readonly blockChannels: number;
  readonly offset: number;
  readonly count: number;
  /** Of a map that a batch norm normalises: its table, one row per channel of `buffer` (shaders/lib/batch-norm.wgsl). */
  readonly table?: BufferRef | undefined;
}

/** Count, mean and sum of squared deviations of each of K parts of a channel, [C,K,3]: what the kernel that wrote a map left for a batch norm. */
export interface Moments {
  readonly partial: BufferRef;
  /** K. */
  readonly partials: number;
}

/**
 * An array of numbers on the GPU: names of its axes (`'NCHW'`, `'OIHW'`, `'NC'`, `'C'`, `''` for a scalar), sizes, and
 * the channel blocks that hold it. A feature map may span several buffers, since a binding may hold as little as 128 MiB; this
 * makes concatenation and channel slices free. Tensors of other axes have exactly one block.
 *
 * A `pending` map is one that its readers normalise: in memory lies the output of a convolution, and whoever loads a number applies the
 * row of its channel in the block's table and ReLU. Kernels that cannot refuse it; `settled` (autograd) writes such a map out.
 */
export class Tensor<Axes extends string = string> {
  /** True when gradients flow to this tensor: parameters, and whatever was computed from them. */
  requiresGrad = false;
  /** Of a map whose kernel took them on the way. */
  moments: Moments | undefined;

  constructor(
    readonly axes: Axes,
    readonly shape: readonly number[],
    readonly blocks: readonly ChannelBlock[],
    readonly label = '',
    readonly pending = false,
  ) {
    if (axes.length !== shape.length)
      throw new RangeError(`tensor ${label}: axes ${axes} and sizes [${shape.join(', ')}] differ in number.`);
    if (shape.some((s) => !Number.isInteger(s) || s < 1))
      throw new RangeError(`tensor ${label}: sizes [${shape.join(', ')}] must be whole and >= 1.`);
  }

  get size(): number {
    return elementsIn(this.shape);
  }

  get sizeBytes(): number {
    return bytesOf(this.size, this.element);
  }

  get element(): ElementType {
    return this.blocks[0]?.buffer.storage.element ?? 'f32';
  }

  /** The size along one axis. */
  dim(axis: string): number {
    const size = this.shape[this.axes.indexOf(axis)];
    if (size === undefined) throw new RangeError(`tensor ${this.toString()} has no axis ${axis}.`);
    return size;
  }

  /** The one buffer that holds the whole tensor; an error when it lies in several or is a slice of one. */
  get buffer(): BufferRef {
    refusePending(this);
    const block = this.blocks[0];
    if (this.blocks.length !== 1 || block?.offset !== 0 || block.count !== block.blockChannels) {
      throw new Error(`tensor ${this.toString()} lies in ${this.blocks.length} channel blocks; this operation needs it in one buffer.`);
    }
    return block.buffer;
  }

  toString(): string {
    return `${this.label || 'tensor'}: ${this.axes} ${this.shape.join('x')}`;
  }
}

/** Numbers in a tensor of these sizes. */
export function elementsIn(shape: readonly number[]): number {
  return shape.reduce((product, s) => product * s, 1);
}

/** A tensor that fills `buffer`. */
export function tensorIn<A extends string>(buffer: BufferRef, axes: A, shape: readonly number[], label = ''): Tensor<A> {
  const channels = axes === 'NCHW' ? (shape[1] ?? 1) : 1;
  return new Tensor(axes, shape, [{ buffer, blockChannels: channels, offset: 0, count: channels }], label);
}

/** The same memory as a tensor to which no gradient flows. */
export function detach<A extends string>(x: Tensor<A>): Tensor<A> {
  return new Tensor(x.axes, x.shape, x.blocks, x.label, x.pending);
}

/** x as it lies in memory, for kernels that normalise while they read: its blocks have a table only if x is pending. */
export function stored<A extends string>(x: Tensor<A>): Tensor<A> {
  const blocks = x.pending ? x.blocks : x.blocks.map((block) => ({ ...block, table: undefined }));
  return new Tensor(x.axes, x.shape, blocks, x.label);
}

export function refusePending(x: Tensor): void {
  if (x.pending)
    throw new Error(
      `tensor ${x.toString()} is still to be normalised by its readers, and this operation does not; pass it through settled() first.`,
    );
}

/** Channels [from, from + count) of an NCHW tensor, sharing its memory. */
export function channelSlice(x: Tensor<'NCHW'>, from: number, count: number): Tensor<'NCHW'> {
  const [n = 1, channels = 1, h = 1, w = 1] = x.shape;
  if (from < 0 || count < 1 || from + count > channels) {
    throw new RangeError(`channelSlice: channels ${from}..${from + count - 1} do not lie in ${x.toString()}.`);
  }
  const blocks: ChannelBlock[] = [];
  let start = 0;
  for (const block of x.blocks) {
    const low = Math.max(from, start);
    const high = Math.min(from + count, start + block.count);
    if (high > low) blocks.push({ ...block, offset: block.offset + low - start, count: high - low });
    start += block.count;
  }
  return new Tensor('NCHW', [n, count, h, w], blocks, x.label, x.pending);
}

/** The tensors side by side along C, sharing their memory: nothing is copied. */
export function channelConcat(parts: readonly Tensor<'NCHW'>[]): Tensor<'NCHW'> {
  const first = parts[0];
  if (!first) throw new RangeError('concat: no tensors given, expected at least one.');
  const [n = 1, , h = 1, w = 1] = first.shape;
  for (const p of parts) {
    if (p.dim('N') !== n || p.dim('H') !== h || p.dim('W') !== w) {
      throw new RangeError(`concat: ${p.toString()} does not match ${first.toString()} in N, H and W; resize or pool it first.`);
    }
    if (p.pending !== first.pending) refusePending(p.pending ? p : first);
  }
  const channels = parts.reduce((sum, p) => sum + p.dim('C'), 0);
  return new Tensor('NCHW', [n, channels, h, w], joined(parts.flatMap((p) => p.blocks)), first.label, first.pending);
}

/** Blocks that follow each other in a buffer are one. */
function joined(blocks: readonly ChannelBlock[]): ChannelBlock[] {
  const result: ChannelBlock[] = [];
  for (const block of blocks) {
    const last = result.at(-1);
    const follows = last?.buffer.storage === block.buffer.storage && last.buffer.offsetBytes === block.buffer.offsetBytes;
    if (follows && last.blockChannels === block.blockChannels && last.offset + last.count === block.offset)
      result[result.length - 1] = { ...last, count: last.count + block.count };
    else result.push(block);
  }
  return result;
}

/** A run of channels in which every one of several tensors stays inside one of its blocks. */
export interface AlignedRun {
  readonly firstChannel: number;
  readonly count: number;
  /** For each tensor: the block, cut to this run. */
  readonly blocks: readonly ChannelBlock[];
}

/** Cuts tensors of equal C, none of them pending, at each other's block borders: a kernel that works channel by channel runs once per piece. */
export function alignBlocks(tensors: readonly Tensor<'NCHW'>[]): AlignedRun[] {
  const channels = tensors[0]?.dim('C') ?? 0;
  const cuts = new Set<number>([channels]);
  for (const t of tensors) {
    refusePending(t);
    if (t.dim('C') !== channels) throw new RangeError(`${t.toString()} and ${String(tensors[0])} differ in channels.`);
    let start = 0;
    for (const block of t.blocks) cuts.add((start += block.count));
  }
  let from = 0;
  return [...cuts]
    .sort((a, b) => a - b)
    .map((to) => {
      const run = { firstChannel: from, count: to - from, blocks: tensors.map((t) => sliceBlock(t, from, to - from)) };
      from = to;
      return run;
    });
}

function sliceBlock(t: Tensor<'NCHW'>, from: number, count: number): ChannelBlock {
  const block = channelSlice(t, from, count).blocks[0];
  if (!block) throw new Error(`alignBlocks: no block at channel ${from} of ${t.toString()}.`);
  return block;
}
