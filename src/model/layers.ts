import { batchNorm, batchNormOnRead } from '../autograd/ops/batch-norm.js';
import { layerNorm } from '../autograd/ops/layer-norm.js';
import { linear } from '../autograd/ops/linear.js';
import { bilinear } from '../autograd/ops/bilinear.js';
import { conv2d } from '../autograd/ops/conv2d.js';
import { conv2dUpsampled, upsamplingScale } from '../autograd/ops/conv2d-upsampled.js';
import type { BatchNormVectors } from '../kernels/batch-norm.js';
import type { Placed, Tape } from '../autograd/tape.js';
import { detach, type Tensor } from '../runtime/tensor.js';

/** A named array of a network: a learnt parameter, or a buffer (running statistic of a batch norm). */
export interface ArraySpec {
  readonly name: string;
  readonly axes: 'OIHW' | 'OI' | 'C';
  readonly shape: readonly number[];
}

/**
 * What a forward pass needs: the tape, the arrays by name, and how batch norms behave: `train` uses and updates statistics of
 * the batch, `eval` the running ones, `folded` expects them multiplied into the convolutions (`foldBatchNorms`).
 */
export interface Pass {
  readonly tape: Tape;
  readonly array: (name: string) => Tensor;
  readonly mode: 'train' | 'eval' | 'folded';
  /** Decoder nodes keep no intermediate results for their gradients: they are computed twice, and training takes less memory. */
  readonly recompute?: boolean;
  /** x is a whole image, no tile of one: what is pooled over all of it may be computed. */
  readonly isWhole?: boolean;
  /** Of this step, for dropout and stochastic depth: a small tensor, written anew before every step. Without it nothing is dropped. */
  readonly randomBits?: Tensor;
  /** Told every map that has a name of its own (`Classifier.stages`), and may put another one, as a leaf whose gradient it wants, in its place. */
  readonly stage?: (name: string, x: Tensor<'NCHW'>) => Tensor<'NCHW'>;
}

/** A map of that name, or what the pass puts in its place. */
export function stage(pass: Pass, name: string, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  return pass.stage?.(name, x) ?? x;
}

export type Layer = (pass: Pass, x: Tensor<'NCHW'>, options?: LayerOptions) => Tensor<'NCHW'>;

export interface LayerOptions extends Placed {
  /** x is upsampled to this size first. */
  readonly size?: MapSize | undefined;
  /** The result is not left for its readers to normalise: it stands beside maps that are not. */
  readonly settled?: boolean;
}

/** Pixels. */
export interface MapSize {
  readonly height: number;
  readonly width: number;
}

export interface ConvOptions {
  readonly kernelSize?: number;
  readonly dilation?: number;
}

export interface AnyConvOptions extends ConvOptions {
  readonly stride?: number;
  readonly groups?: number;
  /** Default: half of an odd kernel. */
  readonly padding?: number;
  readonly bias?: boolean;
}

/** Collects the arrays of a network while its layers are made, so that names and shapes are written down once. */
export class LayerSet {
  readonly parameters: ArraySpec[] = [];
  readonly buffers: ArraySpec[] = [];
  /** Convolution and batch norm that follow each other, by name: what `foldBatchNorms` multiplies together. */
  readonly folds: { readonly conv: string; readonly bn: string }[] = [];

  /** Convolution, by default padded by half of an odd kernel: with stride 1 the result has the size of x. */
  conv(
    name: string,
    inChannels: number,
    outChannels: number,
    { kernelSize = 3, dilation = 1, bias = true, groups = 1, ...rest }: AnyConvOptions = {},
  ): Layer {
    this.parameters.push({ name: `${name}.weight`, axes: 'OIHW', shape: [outChannels, inChannels / groups, kernelSize, kernelSize] });
    if (bias) this.parameters.push({ name: `${name}.bias`, axes: 'C', shape: [outChannels] });
    return (pass, x, options) => convolve(pass, name, x, { ...options, ...rest, dilation, bias, groups, relu: false });
  }

  /** Batch norm of its own, with no convolution before it to be folded into: `folded` passes use the running statistics as `eval` ones do. */
  batchNorm(name: string, channels: number): (pass: Pass, x: Tensor<'NCHW'>, options?: { readonly relu?: boolean }) => Tensor<'NCHW'> {
    this.normArrays(name, channels);
    return (pass, x, { relu = false } = {}) => batchNorm(pass.tape, x, normVectors(pass, name), { training: pass.mode === 'train', relu });
  }

  /** Layer norm over the channels of maps and of rows. */
  layerNorm(name: string, channels: number): <A extends 'NCHW' | 'NC'>(pass: Pass, x: Tensor<A>) => Tensor<A> {
    const [weight, bias] = [this.vector(`${name}.weight`, channels), this.vector(`${name}.bias`, channels)];
    return (pass, x) => layerNorm(pass.tape, x, weight(pass), bias(pass));
  }

  /** One number per channel. */
  vector(name: string, channels: number): (pass: Pass) => Tensor<'C'> {
    this.parameters.push({ name, axes: 'C', shape: [channels] });
    return (pass) => pass.array(name) as Tensor<'C'>;
  }

  linear(name: string, inFeatures: number, outFeatures: number): (pass: Pass, x: Tensor<'NC'>) => Tensor<'NC'> {
    this.parameters.push({ name: `${name}.weight`, axes: 'OI', shape: [outFeatures, inFeatures] });
    this.parameters.push({ name: `${name}.bias`, axes: 'C', shape: [outFeatures] });
    return (pass, x) => linear(pass.tape, x, pass.array(`${name}.weight`) as Tensor<'OI'>, pass.array(`${name}.bias`) as Tensor<'C'>);
  }

  private normArrays(name: string, channels: number): void {
    for (const part of ['weight', 'bias']) this.parameters.push({ name: `${name}.${part}`, axes: 'C', shape: [channels] });
    for (const part of ['running_mean', 'running_var']) this.buffers.push({ name: `${name}.${part}`, axes: 'C', shape: [channels] });
  }

  /** conv - batch norm - ReLU, the building block of the UNet3+ paper. */
  convBnRelu(conv: string, bn: string, inChannels: number, outChannels: number, { kernelSize = 3, dilation = 1 }: ConvOptions = {}): Layer {
    this.conv(conv, inChannels, outChannels, { kernelSize, dilation });
    this.normArrays(bn, outChannels);
    this.folds.push({ conv, bn });
    return (pass, x, { size, into, settled = false } = {}) => {
      if (pass.mode === 'folded') return convolve(pass, conv, x, { dilation, relu: true, size, into });
      const training = pass.mode === 'train';
      const z = convolve(pass, conv, x, { dilation, relu: false, size, into: settled ? undefined : into, normed: training });
      const affine = normVectors(pass, bn);
      return settled
        ? batchNorm(pass.tape, z, affine, { training, relu: true, into })
        : batchNormOnRead(pass.tape, z, affine, { training });
    };
  }
}

function normVectors(pass: Pass, name: string): BatchNormVectors {
  const vector = (part: string): Tensor<'C'> => pass.array(`${name}.${part}`) as Tensor<'C'>;
  return { weight: vector('weight'), bias: vector('bias'), runningMean: vector('running_mean'), runningVar: vector('running_var') };
}

interface Convolution extends LayerOptions {
  readonly dilation: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  readonly relu: boolean;
  /** A batch norm by the statistics of the batch follows: it takes the bias away again, whose gradient is 0 and not computed. */
  readonly normed?: boolean;
}

/** The convolution of this name, same size as x or, with `size`, as x upsampled: of the two ways to that, the one that costs less. */
function convolve(
  pass: Pass,
  name: string,
  x: Tensor<'NCHW'>,
  { dilation, stride = 1, groups = 1, padding: given, bias: hasBias = true, relu, size, into, normed = false }: Convolution,
): Tensor<'NCHW'> {
  const weight = pass.array(`${name}.weight`) as Tensor<'OIHW'>;
  const learnt = hasBias ? (pass.array(`${name}.bias`) as Tensor<'C'>) : null;
  const bias = normed && learnt ? detach(learnt) : learnt;
  const padding = given ?? (dilation * (weight.dim('H') - 1)) / 2;
  const options = { padding, dilation, stride, groups, relu, into, moments: normed };
  if (!size) return conv2d(pass.tape, x, weight, bias, options);
  const scale = dilation === 1 ? upsamplingScale(pass.tape, x, weight, size) : null;
  if (scale !== null) return conv2dUpsampled(pass.tape, x, weight, bias, { scale, relu, into });
  return conv2d(pass.tape, bilinear(pass.tape, x, size), weight, bias, options);
}

/** Arrays of a batch norm. */
export const NORM_PARTS = ['weight', 'bias', 'running_mean', 'running_var'] as const;

/** Epsilon of every batch norm, as PyTorch's default. */
const BATCH_NORM_EPS = 1e-5;

/**
 * Multiplies every batch norm's running statistics and affine into the convolution before it (in float64): afterwards
 * conv + ReLU computes what conv + BN + ReLU computed. Returns only the arrays that a `folded` pass reads.
 */
export function foldBatchNorms(arrays: ReadonlyMap<string, Float32Array>, folds: LayerSet['folds']): Map<string, Float32Array> {
  const get = (name: string): Float32Array => {
    const data = arrays.get(name);
    if (!data) throw new Error(`foldBatchNorms: ${name} is missing.`);
    return data;
  };
  const folded = new Map(arrays);
  for (const { conv, bn } of folds) {
    const weight = get(`${conv}.weight`);
    const bias = get(`${conv}.bias`);
    const perOutput = weight.length / bias.length;
    const scale = Float64Array.from(
      bias,
      (_, o) => (get(`${bn}.weight`)[o] ?? 0) / Math.sqrt((get(`${bn}.running_var`)[o] ?? 0) + BATCH_NORM_EPS),
    );
    folded.set(
      `${conv}.weight`,
      weight.map((w, i) => w * (scale[Math.floor(i / perOutput)] ?? 0)),
    );
    folded.set(
      `${conv}.bias`,
      bias.map((b, o) => (b - (get(`${bn}.running_mean`)[o] ?? 0)) * (scale[o] ?? 0) + (get(`${bn}.bias`)[o] ?? 0)),
    );
    for (const part of NORM_PARTS) folded.delete(`${bn}.${part}`);
  }
  return folded;
}
