import * as batchNorms from '../kernels/reference/batch-norm.js';
import { bilinear, bilinearGrad } from '../kernels/reference/bilinear.js';
import * as conv from '../kernels/reference/conv2d.js';
import { maxPool2d, maxPool2dGrad } from '../kernels/reference/max-pool2d.js';
import { relu, reluGrad } from '../kernels/reference/relu.js';

/** A feature map [images, channels, height, width] in float64. */
export interface Map64 {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

export interface MapSize {
  readonly height: number;
  readonly width: number;
}

/** Scale and shift of a batch norm, by the names of their gradients. */
export interface Affine64 {
  readonly weight: string;
  readonly bias: string;
}

/**
 * Reverse-mode differentiation of a network in float64 on the CPU, out of the reference operations: slow, and independent of
 * everything that runs on a GPU.
 */
export class Float64Tape {
  /** Of the parameters, by name; complete after `backward`. */
  readonly gradients = new Map<string, Float64Array>();
  private readonly steps: (() => void)[] = [];
  private readonly mapGradients = new Map<Map64, Float64Array>();

  /**
   * @param parameter arrays by name
   * @param storage float32 rounds every map and gradient once when it is stored, which an engine of that precision cannot avoid
   */
  constructor(
    private readonly parameter: (name: string) => Float64Array,
    private readonly storage: 'float64' | 'float32' = 'float64',
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
    const y = relu(batchNorms.batchNorm(x.data, shape, statistics, weight, bias, eps));
    return this.push({ ...x, data: y }, (dy) => {
      const masked = reluGrad(y, dy);
      const { dx, dweight, dbias } = batchNorms.batchNormGrad(x.data, shape, statistics, weight, masked, eps, true);
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
    const { y, index } = maxPool2d(x.data, planes, sizes, { kernelSize, stride: kernelSize, padding: 0 });
    return this.push({ ...x, height: outHeight, width: outWidth, data: y }, (dy) => {
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

  private push(y: Map64, backward: (dy: Float64Array) => void): Map64 {
    this.store(y.data);
    this.steps.push(() => {
      const dy = this.mapGradients.get(y);
      if (!dy) return;
      this.mapGradients.delete(y);
      backward(this.store(dy));
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
    this.gradients.set(name, this.store(gradient));
  }

  private store(values: Float64Array): Float64Array {
    if (this.storage === 'float32') values.forEach((v, i) => (values[i] = Math.fround(v)));
    return values;
  }
}
