import { bceWithLogits, bceWithLogitsGrad } from '../kernels/reference/bce-with-logits.js';
import type { UNet3PlusConfig } from '../model/config.js';
import type { MapSize } from '../model/layers.js';
import { Float64Tape, type Map64 } from './float64-tape.js';
import type { NamedArrays } from './runnable.js';

const EPS = 1e-5;

/**
 * Training pass of the paper's UNet3+ with a head at every scale: logits, finest first, all at the size of x. Written from the paper
 * (arXiv 2004.08790) a second time, so that src/model can be held against it. Context, image pyramid, fused head and classes of the
 * compact network are not in it.
 */
export function float64UNet3Plus(tape: Float64Tape, config: UNet3PlusConfig, x: Map64): Map64[] {
  const { encoder, branch, fusion, segmentationChannels } = config;
  const layer = (map: Map64, conv: string, bn: string, channels: number): Map64 =>
    tape.batchNormRelu(tape.conv2d(map, conv, channels, 3), bn, EPS);

  const maps: Map64[] = [];
  for (const [k, channels] of encoder.entries()) {
    const pooled = k === 0 ? x : tape.maxPool2d(maps[k - 1]!, 2);
    const first = layer(pooled, `enc.${k}.conv.0`, `enc.${k}.bn.0`, channels);
    maps.push(layer(first, `enc.${k}.conv.1`, `enc.${k}.bn.1`, channels));
  }
  for (let k = encoder.length - 2; k >= 0; k--) {
    const size = maps[k]!;
    const branches = maps.map((source, s) => {
      const name = `dec.${k}.branch.${s}`;
      return layer(broughtTo(tape, source, s - k, size), `${name}.conv`, `${name}.bn`, branch);
    });
    // Finer maps stay those of the encoder until their own node has been made.
    maps[k] = layer(tape.concat(branches as [Map64, ...Map64[]]), `dec.${k}.fuse.conv`, `dec.${k}.fuse.bn`, fusion[k]!);
  }
  return maps.map((map, k) => {
    const logits = tape.conv2d(map, `head.${k}`, segmentationChannels, 3);
    return k === 0 ? logits : tape.bilinear(logits, x);
  });
}

/** A map `levels` coarser (negative: finer) than the node at the node's size. */
function broughtTo(tape: Float64Tape, source: Map64, levels: number, size: MapSize): Map64 {
  if (levels === 0) return source;
  return levels < 0 ? tape.maxPool2d(source, 2 ** -levels) : tape.bilinear(source, size);
}

/**
 * Loss (mean over the heads of BCE with logits) and gradients of the inputs of a training workload; with `followed`, the activations
 * of another engine, its ReLUs and max-pools choose as those did.
 */
export function float64Pass(
  config: UNet3PlusConfig,
  inputs: NamedArrays,
  followed?: readonly ArrayLike<number>[],
): Pick<Float64Tape, 'gradients' | 'activations' | 'flips'> & { readonly loss: number } {
  const array = (name: string): Float64Array => Float64Array.from(inputs.get(name)?.data ?? []);
  const [images = 0, channels = 0, height = 0, width = 0] = inputs.get('x')?.shape ?? [];
  const tape = new Float64Tape(array, followed);
  const heads = float64UNet3Plus(tape, config, { images, channels, height, width, data: array('x') });
  const target = { images, channels: config.segmentationChannels, plane: height * width, target: array('target') };
  const loss = heads.reduce((sum, { data }) => sum + bceWithLogits(data, target) / heads.length, 0);
  const seeds = heads.map((map): [Map64, Float64Array] => [map, bceWithLogitsGrad(map.data, target).map((g) => g / heads.length)]);
  tape.backward(new Map(seeds));
  const { gradients, activations, flips } = tape;
  return { loss, gradients, activations, flips };
}
