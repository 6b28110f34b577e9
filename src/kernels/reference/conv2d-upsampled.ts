import { bilinear, bilinearGrad } from './bilinear.js';
import * as conv from './conv2d.js';

/** conv3x3 with padding 1 of x [N,I,h,w] enlarged `scale` times to [N,I,scale*h,scale*w]. */
export interface UpsampledShape {
  readonly n: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly scale: number;
}

/** The convolution of the enlarged map, float64. */
export function conv2dUpsampled(x: Float64Array, weight: Float64Array, bias: Float64Array | null, s: UpsampledShape): Float64Array {
  return conv.conv2d(enlarged(x, s), weight, bias, convShape(s));
}

export function conv2dUpsampledGradInput(weight: Float64Array, dy: Float64Array, s: UpsampledShape): Float64Array {
  return bilinearGrad(conv.conv2dGradInput(weight, dy, convShape(s)), s.n * s.inChannels, sizes(s));
}

export function conv2dUpsampledGradWeight(x: Float64Array, dy: Float64Array, s: UpsampledShape): Float64Array {
  return conv.conv2dGradWeight(enlarged(x, s), dy, convShape(s));
}

export function conv2dUpsampledGradBias(dy: Float64Array, s: UpsampledShape): Float64Array {
  return conv.conv2dGradBias(dy, convShape(s));
}

function enlarged(x: Float64Array, s: UpsampledShape): Float64Array {
  return bilinear(x, s.n * s.inChannels, sizes(s));
}

function sizes({ height, width, scale }: UpsampledShape) {
  return { height, width, outHeight: scale * height, outWidth: scale * width };
}

function convShape({ n, inChannels, outChannels, height, width, scale }: UpsampledShape): conv.ConvShape {
  const enlargedSize = { height: scale * height, width: scale * width };
  return { n, inChannels, outChannels, ...enlargedSize, kernelHeight: 3, kernelWidth: 3, stride: 1, padding: 1, dilation: 1 };
}
