import { batchNorm } from '../autograd/ops/batch-norm.js';
import { conv2d } from '../autograd/ops/conv2d.js';
import type { Tape } from '../autograd/tape.js';
import type { Tensor } from '../runtime/tensor.js';

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
}

export type Layer = (pass: Pass, x: Tensor<'NCHW'>) => Tensor<'NCHW'>;

export interface ConvOptions {
  readonly kernelSize?: number;
  readonly dilation?: number;
}

/** Collects the arrays of a network while its layers are made, so that names and shapes are written down once. */
export class LayerSet {
  readonly parameters: ArraySpec[] = [];
  readonly buffers: ArraySpec[] = [];
  /** Convolution and batch norm that follow each other, by name: what `foldBatchNorms` multiplies together. */
  readonly folds: { readonly conv: string; readonly bn: string }[] = [];

  /** Convolution with bias, stride 1, same size. */
  conv(name: string, inChannels: number, outChannels: number, { kernelSize = 3, dilation = 1 }: ConvOptions = {}): Layer {
    this.parameters.push({ name: `${name}.weight`, axes: 'OIHW', shape: [outChannels, inChannels, kernelSize, kernelSize] });
    this.parameters.push({ name: `${name}.bias`, axes: 'C', shape: [outChannels] });
    const padding = (dilation * (kernelSize - 1)) / 2;
    return (pass, x) => conv2d(pass.tape, x, convWeight(pass, name), convBias(pass, name), { padding, dilation });
  }

  /** conv - batch norm - ReLU, the building block of the UNet3+ paper. */
  convBnRelu(conv: string, bn: string, inChannels: number, outChannels: number, { kernelSize = 3, dilation = 1 }: ConvOptions = {}): Layer {
    const plain = this.conv(conv, inChannels, outChannels, { kernelSize, dilation });
    for (const part of ['weight', 'bias']) this.parameters.push({ name: `${bn}.${part}`, axes: 'C', shape: [outChannels] });
    for (const part of ['running_mean', 'running_var']) this.buffers.push({ name: `${bn}.${part}`, axes: 'C', shape: [outChannels] });
    this.folds.push({ conv, bn });
    const padding = (dilation * (kernelSize - 1)) / 2;
    return (pass, x) => {
      if (pass.mode === 'folded')
        return conv2d(pass.tape, x, convWeight(pass, conv), convBias(pass, conv), { padding, dilation, relu: true });
      const vector = (part: string): Tensor<'C'> => pass.array(`${bn}.${part}`) as Tensor<'C'>;
      const affine = {
        weight: vector('weight'),
        bias: vector('bias'),
        runningMean: vector('running_mean'),
        runningVar: vector('running_var'),
      };
      return batchNorm(pass.tape, plain(pass, x), affine, { training: pass.mode === 'train', relu: true });
    };
  }
}

function convWeight(pass: Pass, name: string): Tensor<'OIHW'> {
  return pass.array(`${name}.weight`) as Tensor<'OIHW'>;
}

function convBias(pass: Pass, name: string): Tensor<'C'> {
  return pass.array(`${name}.bias`) as Tensor<'C'>;
}

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
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) folded.delete(`${bn}.${part}`);
  }
  return folded;
}
