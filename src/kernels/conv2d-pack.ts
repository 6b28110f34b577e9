import { flatGrid, type Recorder } from '../runtime/recorder.js';
import { Storage, wholeStorage, type BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import * as shaders from './shaders.gen.js';

/*
 * The fast convolutions read their weights from a uniform buffer, 8 output channels side by side. One dispatch brings those of many
 * convolutions into that order: it has the place of the first of them, and grows with the others.
 */

/** Bytes of a uniform binding that every adapter allows, and of the weight arrays in the shaders. */
export const UNIFORM_BYTES = 65536;

/** Offsets of bindings are multiples of it. */
const ALIGN_BYTES = 256;

/** A full pack is followed by another, so that its memory is soon free again. */
const MOST_PACK_BYTES = 2 ** 20;

/** How the weights are read: forward as they are, for the gradient by the input with the channel axes swapped and the taps flipped. */
export type WeightOrder = 'forward' | 'gradInput';

/** Some channels of weights, as a convolution sees them. */
export interface WeightRun {
  readonly weight: Tensor<'OIHW'>;
  readonly order: WeightOrder;
  /** The convolution is 1x1: it has one channel for every tap of every output channel of the 3x3 weights. */
  readonly mixing: boolean;
  readonly firstIn: number;
  readonly firstOut: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

interface Pack {
  readonly source: BufferRef;
  readonly packed: Storage;
  /** Dispatches before its own. */
  readonly place: number;
  /** What is in it, by a name. */
  readonly runs: Map<string, BufferRef>;
  readonly tiles: number[][];
  usedBytes: number;
}

/** In the order of their dispatches. */
const packsOf = new WeakMap<Recorder, Pack[]>();

/** 64 KiB that begin with the weights of this run: [octets of output channels, inChannels, taps, 8]. */
export function packedWeights(r: Recorder, run: WeightRun): BufferRef {
  const { weight, ...how } = run;
  const name = JSON.stringify({ at: weight.buffer.offsetBytes, shape: weight.shape, how });
  const limit = r.device.maxBindingBytes;
  const source = weight.buffer.storage.sizeBytes <= limit ? wholeStorage(weight.buffer.storage) : weight.buffer;
  const last = lastPack(r, source);
  const known = last?.runs.get(name);
  if (known) return known;
  const fits = last && last.usedBytes + UNIFORM_BYTES <= Math.min(limit, MOST_PACK_BYTES);
  const pack = fits ? last : newPack(r, source);
  const ref = { storage: pack.packed, offsetBytes: pack.usedBytes, sizeBytes: UNIFORM_BYTES };
  pack.runs.set(name, ref);
  pack.tiles.push(...tilesOf(run, (weight.buffer.offsetBytes - source.offsetBytes) / 4, pack.usedBytes / 4));
  pack.packed.sizeBytes = pack.usedBytes + UNIFORM_BYTES;
  pack.usedBytes += Math.ceil(packedBytes(run) / ALIGN_BYTES) * ALIGN_BYTES;
  return ref;
}

/** The newest pack of this source, unless the weights have changed since. */
function lastPack(r: Recorder, source: BufferRef): Pack | undefined {
  const last = packsOf.get(r)?.findLast((p) => p.source.storage === source.storage && p.source.offsetBytes === source.offsetBytes);
  return last && !r.writesSince(last.place, source.storage) ? last : undefined;
}

function newPack(r: Recorder, source: BufferRef): Pack {
  const packed = new Storage('packed weights', 0, undefined, false);
  const pack: Pack = { source, packed, place: r.dispatchCount, runs: new Map(), tiles: [], usedBytes: 0 };
  packsOf.set(r, [...(packsOf.get(r) ?? []), pack]);
  recordPack(r, pack);
  return pack;
}

function recordPack(r: Recorder, { source, packed, tiles }: Pack): void {
  r.dispatch(shaders.conv2dPack, () => ({
    buffers: { weight: source, tiles: r.constant(Uint32Array.from(tiles.flat()), 'weights to pack'), packed: wholeStorage(packed) },
    params: { count: tiles.length },
    grid: flatGrid(tiles.length, 1),
  }));
}

function tapsOf({ weight, mixing }: WeightRun): number {
  return mixing ? 1 : weight.dim('H') * weight.dim('W');
}

function packedBytes(run: WeightRun): number {
  return 4 * Math.ceil(run.outChannels / 8) * 8 * run.inChannels * tapsOf(run);
}

/** Rows of the shader's table: 8 input channels of 8 output channels each. `source`, `to`: elements where the weights lie and go. */
function tilesOf(run: WeightRun, source: number, to: number): number[][] {
  const { weight, order, mixing, firstIn, firstOut, inChannels, outChannels } = run;
  const taps = tapsOf(run);
  const [row, column] = [weight.dim('I') * weight.dim('H') * weight.dim('W'), weight.dim('H') * weight.dim('W')];
  const forward = order === 'forward';
  const [outStride, inStride] = forward ? [row, column] : [column, row];
  const [outParts, inParts] = mixing ? (forward ? [9, 1] : [1, 9]) : [1, 1];
  const tiles: number[][] = [];
  for (let o = 0; o < outChannels; o += 8)
    for (let c = 0; c < inChannels; c += 8) {
      const ends = [firstOut + outChannels, firstIn + inChannels];
      const strides = [outStride, inStride, outParts, inParts];
      tiles.push([source, to + (o * inChannels + 8 * c) * taps, firstOut + o, firstIn + c, ...ends, ...strides, taps, forward ? 0 : 1]);
    }
  return tiles;
}
