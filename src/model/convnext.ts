import { add } from '../autograd/ops/add.js';
import { asMap } from '../autograd/ops/map-type.js';
import { channelScale } from '../autograd/ops/channel-scale.js';
import { gelu } from '../autograd/ops/gelu.js';
import { globalAvgPool2d } from '../autograd/ops/global-pool2d.js';
import { stochasticDepth } from '../autograd/ops/stochastic-depth.js';
import type { Tensor } from '../runtime/tensor.js';
import type { Random } from '../random.js';
import type { PatchClassifier } from './classifier.js';
import { LayerSet, stage, type ArraySpec, type Layer, type Pass } from './layers.js';

type Map2d = Tensor<'NCHW'>;

export interface ConvNeXtConfig {
  readonly inputChannels: number;
  /** Blocks and channels of each of the four stages. */
  readonly depths: readonly number[];
  readonly widths: readonly number[];
  /** Side and step of the first convolution: 4 as published; with 2 a calcification of 0.4 mm still covers two pixels. */
  readonly stemStride: 2 | 4;
  /** Highest probability that a training sample skips a block, at the last one; it rises linearly from 0. */
  readonly stochasticDepth: number;
  readonly classes: number;
}

type Flavour = Pick<ConvNeXtConfig, 'depths' | 'widths'>;

/** Depths and widths by name; tiny is of the paper, the smaller ones are of timm (https://github.com/huggingface/pytorch-image-models). */
export const CONVNEXT_FLAVOURS = {
  atto: { depths: [2, 2, 6, 2], widths: [40, 80, 160, 320] },
  femto: { depths: [2, 2, 6, 2], widths: [48, 96, 192, 384] },
  pico: { depths: [2, 2, 6, 2], widths: [64, 128, 256, 512] },
  tiny: { depths: [3, 3, 9, 3], widths: [96, 192, 384, 768] },
} as const satisfies Record<string, Flavour>;

/** Hidden channels of a block, as a multiple of its width. */
const EXPANSION = 4;

/**
 * ConvNeXt (Liu et al. 2022, https://arxiv.org/abs/2201.03545): stem, layer norm; four stages of blocks with a layer norm and a 2x2 convolution of stride 2 between;
 * global average pool, layer norm, linear.
 */
export function convnext(config: ConvNeXtConfig): PatchClassifier<ConvNeXtConfig> {
  const { depths, widths, stemStride } = config;
  const layers = new LayerSet();
  const [first = 0, last = 0] = [widths[0], widths.at(-1)];
  const stem = layers.conv('stem.conv', config.inputChannels, first, { kernelSize: stemStride, stride: stemStride, padding: 0 });
  const stemNorm = layers.layerNorm('stem.norm', first);
  const total = depths.reduce((sum, d) => sum + d, 0);
  let placed = 0;
  const stages = widths.map((width, i) => {
    const down = i === 0 ? null : downsampling(layers, `down.${i - 1}`, widths[i - 1] ?? 0, width);
    const blocks = Array.from({ length: depths[i] ?? 0 }, (_, j) => {
      const name = `stage.${i}.${j}`;
      const skip = { probability: total > 1 ? (config.stochasticDepth * placed) / (total - 1) : 0, layer: placed++ };
      return { name, layer: block(layers, name, width, skip) };
    });
    return { down, blocks };
  });
  const norm = layers.layerNorm('norm', last);
  const head = layers.linear('fc', last, config.classes);

  const forward = (pass: Pass, image: Map2d): Tensor<'NC'> => {
    const { tape } = pass;
    let x = stemNorm(pass, stem(pass, asMap(tape, image)));
    for (const { down, blocks } of stages) {
      if (down) x = down(pass, x);
      for (const { name, layer } of blocks) x = stage(pass, name, layer(pass, x));
    }
    return head(pass, norm(pass, globalAvgPool2d(tape, x)));
  };
  const level = stemStride === 2 ? 1 : 0;
  return {
    config,
    layers,
    forward,
    stages: stages.flatMap(({ blocks }) => blocks.map(({ name }) => name)),
    initial,
    mapStage: `stage.${level}.${(depths[level] ?? 1) - 1}`,
  };
}

const INITIAL_SD = 0.02;
/** Of the layer scale, so that every block begins close to the identity. */
const INITIAL_SCALE = 1e-6;

/** As published: weights normal with a standard deviation of 0.02, cut off at two of them; unit layer norms, no biases. */
function initial({ name, axes, shape }: ArraySpec, random: Random): Float32Array {
  const data = new Float32Array(shape.reduce((product, s) => product * s, 1));
  if (axes !== 'C') return data.map(() => truncatedNormal(random, INITIAL_SD));
  if (name.endsWith('.gamma')) return data.fill(INITIAL_SCALE);
  return name.endsWith('norm.weight') ? data.fill(1) : data;
}

function truncatedNormal(random: Random, sd: number): number {
  for (;;) {
    const value = random.normal();
    if (Math.abs(value) <= 2) return sd * value;
  }
}

function downsampling(layers: LayerSet, name: string, inputs: number, out: number): Layer {
  const norm = layers.layerNorm(`${name}.norm`, inputs);
  const conv = layers.conv(`${name}.conv`, inputs, out, { kernelSize: 2, stride: 2, padding: 0 });
  return (pass, x) => conv(pass, norm(pass, x));
}

/** Depthwise 7x7, layer norm, two linear layers over the channels with GELU between, layer scale, and the input. */
function block(layers: LayerSet, name: string, width: number, skip: { readonly probability: number; readonly layer: number }): Layer {
  const depthwise = layers.conv(`${name}.dwconv`, width, width, { kernelSize: 7, groups: width });
  const norm = layers.layerNorm(`${name}.norm`, width);
  const expand = layers.conv(`${name}.pw1`, width, EXPANSION * width, { kernelSize: 1 });
  const reduce = layers.conv(`${name}.pw2`, EXPANSION * width, width, { kernelSize: 1 });
  const gamma = layers.vector(`${name}.gamma`, width);
  return (pass, x) => {
    const { tape, randomBits } = pass;
    const hidden = gelu(tape, expand(pass, norm(pass, depthwise(pass, x))));
    const branch = channelScale(tape, reduce(pass, hidden), gamma(pass));
    const kept =
      pass.mode === 'train' && skip.probability > 0 && randomBits
        ? stochasticDepth(tape, branch, { probability: skip.probability, seed: randomBits, layer: skip.layer })
        : branch;
    return add(tape, [x, kept]);
  };
}
