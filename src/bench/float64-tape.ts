import * as batchNorms from '../kernels/reference/batch-norm.js';
import { bilinear, bilinearGrad } from '../kernels/reference/bilinear.js';
import * as conv from '../kernels/reference/conv2d.js';
import { maxPool2d, maxPool2dGrad } from '../kernels/reference/max-pool2d.js';
import { reluGrad } from '../kernels/reference/relu.js';
import type { MapSize } from '../model/layers.js';

/** A feature map [images, channels, height, width] in float64. */
export interface Map64 {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

/**
 * Reverse-mode differentiation of a network in float64 on the CPU, out of the reference operations: slow, and independent of
 * everything that runs on a GPU.
 *
 * A value within float32's rounding of 0, or two nearly equal ones in a pooling window, make a ReLU or a max-pool choose otherwise in
 * float32 than in float64; the gradient then jumps. With `followed`, the results of another engine's ReLUs in the order of the calls,
 * this tape chooses as they did: what remains between the two is rounding.
 */
export class Float64Tape {
  /** Of the parameters, by name; complete after `backward`. */
  readonly gradients = new Map<string, Float64Array>();
  /** Results of the ReLUs, in the order of the calls. */
  readonly activations: Float64Array[] = [];
  /** How many ReLUs and max-pools chose as the engine that is followed, and not as float64 would have. */
  flips = 0;
  private readonly steps: (() => void)[] = [];
  private readonly mapGradients = new Map<Map64, Float64Array>();
  /** Values that decide what is pooled from a map, where they are not its own. */
  private readonly deciding = new Map<Map64, ArrayLike<number>>();

  /** @param parameter arrays by name */
  constructor(
    private readonly parameter: (name: string) => Float64Array,
    private readonly followed?: readonly ArrayLike<number>[],
  ) {}

  /** Convolution with bias, stride 1, as many pixels as before. */
  conv2d(x: Map64, name: string, outChannels: number, kernelSize: number): Map64 {
    const [weight, bias] = [this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)];
    const { images: n, channels: inChannels, height, width } = x;
    const window = { kernelHeight: kernelSize, kernelWidth: kernelSize, stride: 1, padding: (kernelSize - 1) / 2, dilation: 1 };
    const shape = { n, inChannels, outChannels, height, width, ...window };
    return this.push({ ...x, channels: outChannels, data: conv.conv2d(x.data, weight, bias, shape) }, (dy) => {
      this.addParameter(`${name}.weight`, conv.conv2dGradWeight(x.data, dy, shape));
      this.addParameter(`${name}.bias`, conv.conv2dGradBias(dy, shape));
      this.add(x, conv.conv2dGradInput(weight, dy, shape));
    });
  }

  /** Batch norm by the statistics of the batch, then ReLU. */
  batchNormRelu(x: Map64, name: string, eps: number): Map64 {
    const [weight, bias] = [this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)];
    const shape = [x.images, x.channels, x.height * x.width] as const;
    const statistics = batchNorms.batchStatistics(x.data, shape);
    const z = batchNorms.batchNorm(x.data, shape, statistics, weight, bias, eps);
    const deciding = this.decidingValues(z);
    const result = { ...x, data: reluGrad(deciding, z) }; // ReLU and its gradient let the same entries pass
    if (this.followed) this.deciding.set(result, deciding);
    this.activations.push(result.data);
    return this.push(result, (dy) => {
      const { dx, dweight, dbias } = batchNorms.batchNormGrad(x.data, shape, statistics, weight, reluGrad(deciding, dy), eps, true);
      this.addParameter(`${name}.weight`, dweight);
      this.addParameter(`${name}.bias`, dbias);
      this.add(x, dx);
    });
  }

  /** Windows that do not overlap; one that hangs over the border is left out. */
  maxPool2d(x: Map64, kernelSize: number): Map64 {
    const [outHeight, outWidth] = [Math.floor(x.height / kernelSize), Math.floor(x.width / kernelSize)];
    const planes = x.images * x.channels;
    const sizes = { height: x.height, width: x.width, outHeight, outWidth };
    const window = { kernelSize, stride: kernelSize, padding: 0 };
    const deciding = this.deciding.get(x);
    const own = maxPool2d(x.data, planes, sizes, window);
    const index = deciding ? maxPool2d(deciding, planes, sizes, window).index : own.index;
    if (deciding) this.flips += count(own.y, (_, o) => own.index[o] !== index[o]);
    const start = (o: number): number => Math.floor(o / (outHeight * outWidth)) * x.height * x.width;
    const data = deciding ? own.y.map((_, o) => x.data[start(o) + index[o]!]!) : own.y;
    return this.push({ ...x, height: outHeight, width: outWidth, data }, (dy) => {
      this.add(x, maxPool2dGrad(dy, index, planes, sizes));
    });
  }

  bilinear(x: Map64, { height, width }: MapSize): Map64 {
    const planes = x.images * x.channels;
    const sizes = { height: x.height, width: x.width, outHeight: height, outWidth: width };
    return this.push({ ...x, height, width, data: bilinear(x.data, planes, sizes) }, (dy) => {
      this.add(x, bilinearGrad(dy, planes, sizes));
    });
  }

  /** Side by side along the channels. */
  concat(parts: readonly [Map64, ...Map64[]]): Map64 {
    const [{ images, height, width }] = parts;
    const channels = parts.reduce((sum, part) => sum + part.channels, 0);
    const data = new Float64Array(images * channels * height * width);
    const pieces = parts.map((part, i) => {
      const before = parts.slice(0, i).reduce((sum, p) => sum + p.channels, 0);
      return { part, before, length: part.channels * height * width };
    });
    const start = (n: number, channel: number): number => (n * channels + channel) * height * width;
    for (const { part, before, length } of pieces) {
      for (let n = 0; n < images; n++) data.set(part.data.subarray(n * length, (n + 1) * length), start(n, before));
    }
    return this.push({ images, channels, height, width, data }, (dy) => {
      for (const { part, before, length } of pieces) {
        const dx = new Float64Array(part.data.length);
        for (let n = 0; n < images; n++) dx.set(dy.subarray(start(n, before), start(n, before) + length), n * length);
        this.add(part, dx);
      }
    });
  }

  /** Fills `gradients` from the gradients of the results. Once: the maps in between are given up on the way. */
  backward(seeds: ReadonlyMap<Map64, Float64Array>): void {
    for (const [map, gradient] of seeds) this.add(map, gradient.slice());
    for (let step = this.steps.pop(); step; step = this.steps.pop()) step();
  }

  /** Whose signs decide what a ReLU of z lets pass. */
  private decidingValues(z: Float64Array): ArrayLike<number> {
    if (!this.followed) return z;
    const call = this.activations.length;
    const values = this.followed[call];
    if (values?.length !== z.length) throw new Error(`Float64Tape: ReLU ${call} has ${values?.length} values to follow, not ${z.length}.`);
    this.flips += count(z, (v, i) => v > 0 !== values[i]! > 0);
    return values;
  }

  private push(y: Map64, backward: (dy: Float64Array) => void): Map64 {
    this.steps.push(() => {
      const dy = this.mapGradients.get(y);
      this.mapGradients.delete(y);
      if (dy) backward(dy);
    });
    return y;
  }

  private add(map: Map64, gradient: Float64Array): void {
    const sum = this.mapGradients.get(map);
    if (sum) gradient.forEach((g, i) => (sum[i]! += g));
    else this.mapGradients.set(map, gradient);
  }

  private addParameter(name: string, gradient: Float64Array): void {
    if (this.gradients.has(name)) throw new Error(`Float64Tape: ${name} is used twice.`);
    this.gradients.set(name, gradient);
  }
}

function count(values: Float64Array, test: (value: number, index: number) => boolean): number {
  return values.reduce((sum, v, i) => sum + (test(v, i) ? 1 : 0), 0);
}
