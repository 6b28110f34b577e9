import { sigmoid } from './logistic.js';

export interface AttentionShape {
  readonly images: number;
  /** Channels of the features, and of the logits. */
  readonly channels: number;
  readonly logitChannels: number;
  /** H*W */
  readonly plane: number;
}

/** a[n,p] = mask[p] * (max over k of sigmoid(logits[n,k,p]))^power, float64. */
export function attention(logits: Float64Array, s: AttentionShape, power: number, mask?: Float64Array): Float64Array {
  const a = new Float64Array(s.images * s.plane);
  for (let n = 0; n < s.images; n++) {
    for (let p = 0; p < s.plane; p++) {
      let largest = 0;
      for (let k = 0; k < s.logitChannels; k++) largest = Math.max(largest, sigmoid(logits[(n * s.logitChannels + k) * s.plane + p]!));
      a[n * s.plane + p] = (mask?.[p] ?? 1) * largest ** power;
    }
  }
  return a;
}

/** [N, C + 1]: for every channel the sum of a * x, then the sum of a. */
export function attentionSums(x: Float64Array, a: Float64Array, s: AttentionShape): Float64Array {
  const sums = new Float64Array(s.images * (s.channels + 1));
  for (let n = 0; n < s.images; n++) {
    for (let p = 0; p < s.plane; p++) {
      const weight = a[n * s.plane + p]!;
      const row = n * (s.channels + 1);
      for (let c = 0; c < s.channels; c++) sums[row + c]! += weight * x[(n * s.channels + c) * s.plane + p]!;
      sums[row + s.channels]! += weight;
    }
  }
  return sums;
}

/** y[n,c] = sum of a * x / (sum of a + eps). */
export function attentionPool(x: Float64Array, a: Float64Array, s: AttentionShape, eps: number): Float64Array {
  const sums = attentionSums(x, a, s);
  return Float64Array.from({ length: s.images * s.channels }, (_, i) => {
    const n = Math.floor(i / s.channels);
    return sums[i + n]! / (sums[(n + 1) * (s.channels + 1) - 1]! + eps);
  });
}

/** Gradient of sum(y * dy) by x, the attention being a constant. */
export function attentionPoolGrad(a: Float64Array, dy: Float64Array, s: AttentionShape, eps: number): Float64Array {
  const dx = new Float64Array(s.images * s.channels * s.plane);
  for (let n = 0; n < s.images; n++) {
    const weights = a.subarray(n * s.plane, (n + 1) * s.plane);
    const total = weights.reduce((sum, v) => sum + v, eps);
    for (let c = 0; c < s.channels; c++) {
      for (let p = 0; p < s.plane; p++) dx[(n * s.channels + c) * s.plane + p] = (dy[n * s.channels + c]! * weights[p]!) / total;
    }
  }
  return dx;
}
