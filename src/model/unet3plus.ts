import { avgPool2d } from '../autograd/ops/avg-pool2d.js';
import { fullScaleAggregation } from './aggregation.js';
import { add } from '../autograd/ops/add.js';
import { attentionPool } from '../autograd/ops/attention-pool.js';
import { bilinear } from '../autograd/ops/bilinear.js';
import { classGate } from '../autograd/ops/class-gate.js';
import { concat, sideBySide } from '../autograd/ops/concat.js';
import { linear } from '../autograd/ops/linear.js';
import { asMap } from '../autograd/ops/map-type.js';
import { maxPool2d } from '../autograd/ops/max-pool2d.js';
import { UserError } from '../errors.js';
import type { Tape } from '../autograd/tape.js';
import type { Tensor } from '../runtime/tensor.js';
import type { UNet3PlusConfig } from './config.js';
import { contextBlock } from './context-block.js';
import type { Classifier } from './classifier.js';
import { LayerSet, stage, type Layer, type Pass } from './layers.js';

type Map2d = Tensor<'NCHW'>;

/** Results of one forward pass; scale k has 1/2^k of the input's side, rounded down. */
export interface UNet3PlusOutputs {
  /**
   * Segmentation logits of every head, finest first, each at its own scale: [N, channels, H/2^k, W/2^k]. A class-guided network has gated
   * them, and the fused ones, where it gives classes.
   */
  readonly heads: readonly Map2d[];
  /** X_De^1 .. X_De^5: what the heads read; pending unless batch norms are folded. */
  readonly features: readonly Map2d[];
  /** Segmentation logits at full size from all scales together; the finest head where there is no fused one. */
  readonly fused: Map2d;
  /**
   * Class logits of every scale and of all together, each [N, classes]; empty without classes, and in a folded pass of a tile: there the
   * pooling spans tiles (src/detect/score.ts).
   */
  readonly classes: readonly Tensor<'NC'>[];
  readonly fusedClass: Tensor<'NC'> | null;
}

export interface UNet3Plus {
  readonly config: UNet3PlusConfig;
  readonly layers: LayerSet;
  readonly forward: (pass: Pass, x: Map2d) => UNet3PlusOutputs;
}

/** Levels of the network; level 0 has the input's size, level 4 a sixteenth of its side, rounded down. */
export const LEVELS = 5;

/**
 * UNet3+ (Huang et al., ICASSP 2020, arXiv 2004.08790), full or compact by its config. In the paper's notation level k is
 * X_En^(k+1) and X_De^(k+1); X_De^5 is X_En^5 (here: after the context block, if there is one). Sides of 16 px and more; docs/numerics.md says
 * what happens to those that are no multiples of 16.
 */
export function unet3plus(config: UNet3PlusConfig): UNet3Plus {
  if (config.classGuided && config.classes < 2)
    throw new RangeError(
      `unet3plus: class-guided with ${config.classes} classes, expected at least two. Set classes, or leave classGuided out.`,
    );
  const layers = new LayerSet();
  const encoder = range(LEVELS).map((k) => encoderStage(layers, config, k));
  const context = config.context ? contextBlock(layers, width(config.encoder, LEVELS - 1), config.context) : null;
  const decoder = range(LEVELS - 1).map((k) => {
    const sourceWidths = range(LEVELS).map((s) => (s <= k ? width(config.encoder, s) : featureWidth(config, s)));
    return fullScaleAggregation(layers, `dec.${k}`, {
      level: k,
      sourceWidths,
      branch: config.branch,
      fusion: width(config.fusion, k),
      upsampling: config.upsampling,
    });
  });
  const headLevels = config.deepSupervision ? LEVELS : 1;
  const heads = range(headLevels).map((k) => layers.conv(`head.${k}`, featureWidth(config, k), config.segmentationChannels));
  const fuse = config.fusedHead
    ? layers.conv('fused', headLevels * config.segmentationChannels, config.segmentationChannels, { kernelSize: 1 })
    : null;
  if (config.classes > 0) for (const k of range(headLevels)) classHead(layers, config, k);

  const forward = (pass: Pass, image: Map2d): UNet3PlusOutputs => {
    checkInput(config, image);
    const { tape } = pass;
    const x = asMap(tape, image);
    const encoded: Map2d[] = [];
    const finer: Map2d[][] = []; // of every level, the maps above it max-pooled to its size: by 2 at each level
    for (const [k, encode] of encoder.entries()) {
      const above = encoded.at(-1);
      const { pooled, input } = above ? stageInput(tape, config, above, x, 2 ** k) : { pooled: null, input: x };
      const further = k < LEVELS - 1 ? (finer[k - 1] ?? []).map((map) => maxPool2d(tape, map, { kernelSize: 2 })) : [];
      finer.push(pooled ? [...further, pooled] : []);
      encoded.push(stage(pass, `enc.${k}`, encode(pass, input)));
    }
    const decoded = [...encoded];
    if (context) decoded[LEVELS - 1] = context(pass, at(encoded, LEVELS - 1));
    for (let k = LEVELS - 2; k >= 0; k--) {
      const sources = [...(finer[k] ?? []), at(encoded, k), ...decoded.slice(k + 1)];
      const node = (t: Tape): Map2d => at(decoder, k)({ ...pass, tape: t }, sources);
      decoded[k] = stage(pass, `dec.${k}`, pass.recompute ? tape.recompute(sources, node) : node(tape));
    }
    const logits = heads.map((head, k) => head(pass, at(decoded, k)));
    const fused = fuse ? fuse(pass, concat(tape, upsampleHeads(pass, logits, { joined: true }))) : at(logits, 0);
    const classes =
      config.classes > 0 && (pass.mode !== 'folded' || pass.isWhole)
        ? logits.map((l, k) => classLogits(pass, k, attentionPool(tape, at(decoded, k), l)))
        : [];
    const fusedClass = classes.length > 1 ? add(tape, classes) : (classes[0] ?? null);
    const gate = (map: Map2d): Map2d => (config.classGuided && fusedClass ? classGate(tape, map, fusedClass) : map);
    return { heads: logits.map(gate), features: decoded, fused: gate(fused), classes, fusedClass };
  };
  return { config, layers, forward };
}

/** The class heads alone, all scales together, of a whole image. */
export function classifierOf({ config, layers, forward }: UNet3Plus): Classifier<UNet3PlusConfig> {
  return {
    config,
    layers,
    stages: [
      ...range(LEVELS).map((k) => `enc.${k}`),
      ...range(LEVELS - 1)
        .map((k) => `dec.${k}`)
        .reverse(),
    ],
    forward: (pass, x) => {
      const { fusedClass } = forward({ ...pass, isWhole: true }, x);
      if (!fusedClass)
        throw new UserError(
          'This UNet3+ has no class heads (model.classes is 0), expected at least two classes. Take a model with classes.',
        );
      return fusedClass;
    },
  };
}

/** The heads' logits, each upsampled to the size of the finest: the deep supervision of the paper. `joined`: for a concatenation. */
export function upsampleHeads({ tape }: Pass, heads: readonly Map2d[], { joined = false } = {}): Map2d[] {
  const [finest, coarser] = [at(heads, 0), heads.slice(1)];
  const size = { height: finest.dim('H'), width: finest.dim('W') };
  const widths = coarser.map((h) => h.dim('C'));
  const places = joined && coarser.length > 0 ? sideBySide(tape, finest, widths, size) : [];
  return [finest, ...coarser.map((h, k) => bilinear(tape, h, { ...size, into: places[k] }))];
}

/** Class logits from pooled features [N, C] of scale k. */
export function classLogits(pass: Pass, k: number, pooled: Tensor<'NC'>): Tensor<'NC'> {
  return linear(pass.tape, pooled, pass.array(`class.${k}.weight`) as Tensor<'OI'>, pass.array(`class.${k}.bias`) as Tensor<'C'>);
}

/** Channels of X_De^(k+1), which head k reads. */
export function featureWidth(config: UNet3PlusConfig, k: number): number {
  return k === LEVELS - 1 ? width(config.encoder, k) : width(config.fusion, k);
}

/** The stage above, max-pooled, and as input of this one beside it the image, average-pooled by `scale`, where the config wants it. */
function stageInput(
  tape: Tape,
  { imagePyramid }: UNet3PlusConfig,
  above: Map2d,
  image: Map2d,
  scale: number,
): { pooled: Map2d; input: Map2d } {
  if (!imagePyramid) {
    const pooled = maxPool2d(tape, above, { kernelSize: 2 });
    return { pooled, input: pooled };
  }
  const size = { height: Math.floor(above.dim('H') / 2), width: Math.floor(above.dim('W') / 2) };
  const [left, right] = sideBySide(tape, above, [above.dim('C'), image.dim('C')], size);
  const pooled = maxPool2d(tape, above, { kernelSize: 2, into: left });
  return { pooled, input: concat(tape, [pooled, avgPool2d(tape, image, { kernelSize: scale, into: right })]) };
}

/** X_En: two conv-BN-ReLU; below the first level the average-pooled image may join the input. */
function encoderStage(layers: LayerSet, config: UNet3PlusConfig, k: number): Layer {
  const out = width(config.encoder, k);
  const inputs = k === 0 ? config.inputChannels : width(config.encoder, k - 1) + (config.imagePyramid ? config.inputChannels : 0);
  const first = layers.convBnRelu(`enc.${k}.conv.0`, `enc.${k}.bn.0`, inputs, out);
  const second = layers.convBnRelu(`enc.${k}.conv.1`, `enc.${k}.bn.1`, out, out);
  return (pass, x) => second(pass, first(pass, x));
}

function classHead(layers: LayerSet, config: UNet3PlusConfig, k: number): void {
  layers.parameters.push({ name: `class.${k}.weight`, axes: 'OI', shape: [config.classes, featureWidth(config, k)] });
  layers.parameters.push({ name: `class.${k}.bias`, axes: 'C', shape: [config.classes] });
}

function checkInput(config: UNet3PlusConfig, x: Map2d): void {
  const side = 2 ** (LEVELS - 1);
  if (x.dim('C') !== config.inputChannels || x.dim('H') < side || x.dim('W') < side) {
    throw new RangeError(
      `unet3plus: input ${x.toString()}, expected ${config.inputChannels} channel(s) and sides of at least ${side} px; pad the image by reflection.`,
    );
  }
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function at<T>(list: readonly T[], i: number): T {
  const item = list[i];
  if (item === undefined) throw new RangeError(`unet3plus: no level ${i} among ${list.length}.`);
  return item;
}

function width(widths: readonly number[], k: number): number {
  return at(widths, k);
}
