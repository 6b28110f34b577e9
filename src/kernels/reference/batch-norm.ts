/** [N, C, P]: images, channels, pixels of a plane. */
export type Shape = readonly [n: number, c: number, p: number];

export interface Statistics {
  readonly mean: Float64Array;
  /** Biased: divided by the number of values. */
  readonly variance: Float64Array;
}

/** Mean and biased variance of every channel over N and P. */
export function batchStatistics(x: Float64Array, shape: Shape): Statistics {
  const count = shape[0] * shape[2];
  const mean = perChannel(shape, (i) => (x[i] ?? 0) / count);
  const variance = perChannel(shape, (i, c) => ((x[i] ?? 0) - (mean[c] ?? 0)) ** 2 / count);
  return { mean, variance };
}

/** y = (x - mean) / sqrt(variance + eps) * weight + bias. */
export function batchNorm(
  x: Float64Array,
  shape: Shape,
  { mean, variance }: Statistics,
  weight: Float64Array,
  bias: Float64Array,
  eps: number,
): Float64Array {
  const y = new Float64Array(x.length);
  forEachElement(shape, (i, c) => {
    y[i] = (((x[i] ?? 0) - (mean[c] ?? 0)) / Math.sqrt((variance[c] ?? 0) + eps)) * (weight[c] ?? 0) + (bias[c] ?? 0);
  });
  return y;
}

/** Gradients by x, weight and bias; with `training` the statistics are those of x and depend on it. */
export function batchNormGrad(
  x: Float64Array,
  shape: Shape,
  { mean, variance }: Statistics,
  weight: Float64Array,
  dy: Float64Array,
  eps: number,
  training: boolean,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const z = (i: number, c: number): number => ((x[i] ?? 0) - (mean[c] ?? 0)) / Math.sqrt((variance[c] ?? 0) + eps);
  const dweight = perChannel(shape, (i, c) => (dy[i] ?? 0) * z(i, c));
  const dbias = perChannel(shape, (i) => dy[i] ?? 0);
  const count = training ? shape[0] * shape[2] : Infinity;
  const dx = new Float64Array(x.length);
  forEachElement(shape, (i, c) => {
    const scale = (weight[c] ?? 0) / Math.sqrt((variance[c] ?? 0) + eps);
    dx[i] = scale * ((dy[i] ?? 0) - ((dbias[c] ?? 0) + z(i, c) * (dweight[c] ?? 0)) / count);
  });
  return { dx, dweight, dbias };
}

function forEachElement([n, c, p]: Shape, visit: (index: number, channel: number) => void): void {
  for (let i = 0; i < n * c * p; i++) visit(i, Math.floor(i / p) % c);
}

function perChannel(shape: Shape, term: (index: number, channel: number) => number): Float64Array {
  const sums = new Float64Array(shape[1]);
  forEachElement(shape, (i, c) => {
    sums[c] = (sums[c] ?? 0) + term(i, c);
  });
  return sums;
}
