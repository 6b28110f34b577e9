import { Random } from '../random.js';
import type { ArraySpec } from './layers.js';
import { isClassifier, type AnyNetwork } from './architecture.js';
import type { UNet3Plus } from './unet3plus.js';

/** Share of MC pixels that an untrained segmentation head starts from (the focal-loss prior of Lin et al. 2017). */
const PRIOR = 0.01;

/**
 * Initial arrays of a network, each from its own stream of the seed: He-normal convolutions (fan-in, ReLU), unit batch norms,
 * segmentation heads that start at the prior, class heads at equal odds, the fused head as the mean of all scales. Classifiers have rules of
 * their own.
 */
export function initialArrays(net: AnyNetwork, seed: number): Map<string, Float32Array> {
  const { parameters, buffers } = net.layers;
  const initial = isClassifier(net) ? net.initial : (spec: ArraySpec, random: Random) => initialArray(spec, random, net);
  return new Map([...parameters, ...buffers].map((spec, i) => [spec.name, initial(spec, new Random(seed, 0x1e17, i))]));
}

function initialArray({ name, shape, axes }: ArraySpec, random: Random, net: UNet3Plus): Float32Array {
  const data = new Float32Array(shape.reduce((product, s) => product * s, 1));
  if (name === 'fused.weight') return averageOfHeads(data, net.config.segmentationChannels);
  if (name.startsWith('class.')) return data;
  if (name.startsWith('head.') && axes === 'C') return data.fill(Math.log(PRIOR / (1 - PRIOR)));
  if (axes === 'OIHW') {
    const fanIn = shape.slice(1).reduce((product, s) => product * s, 1);
    const gain = name.startsWith('head.') ? 1 : 2;
    return data.map(() => random.normal(0, Math.sqrt(gain / fanIn)));
  }
  return /\.bn(\.\d)?\.weight$|running_var$/.test(name) ? data.fill(1) : data;
}

/** [channels, heads * channels, 1, 1]: output c is the mean of channel c of every head. */
function averageOfHeads(weight: Float32Array, channels: number): Float32Array {
  const inputs = weight.length / channels;
  return weight.map((_, i) => ((i % inputs) % channels === Math.floor(i / inputs) ? channels / inputs : 0));
}
