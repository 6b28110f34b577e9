/** x is [N, C, P]: normalised over C for every n and p. */
export interface LayerNormShape {
  readonly n: number;
  readonly c: number;
  readonly p: number;
  readonly eps: number;
}

/** Calls `visit` with the flat indices of the channels of every pixel. */
function eachPixel({ n, c, p }: LayerNormShape, visit: (indices: number[]) => void): void {
  for (let image = 0; image < n; image++)
    for (let pixel = 0; pixel < p; pixel++) visit(Array.from({ length: c }, (_, k) => (image * c + k) * p + pixel));
}

/** (x - mean) / sqrt(biased variance + eps) over the entries at `indices`, and that square root. */
function normalise(x: Float64Array, indices: readonly number[], eps: number): { z: number[]; deviation: number } {
  const mean = indices.reduce((sum, i) => sum + x[i]!, 0) / indices.length;
  const variance = indices.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / indices.length;
  const deviation = Math.sqrt(variance + eps);
  return { z: indices.map((i) => (x[i]! - mean) / deviation), deviation };
}

/** Layer norm over channels, float64. */
export function layerNorm(x: Float64Array, weight: Float64Array, bias: Float64Array, shape: LayerNormShape): Float64Array {
  const y = new Float64Array(x.length);
  eachPixel(shape, (indices) => {
    const { z } = normalise(x, indices, shape.eps);
    indices.forEach((i, k) => (y[i] = z[k]! * weight[k]! + bias[k]!));
  });
  return y;
}

/** Gradients of sum(y * dy) by x, weight and bias. */
export function layerNormGrad(
  x: Float64Array,
  weight: Float64Array,
  dy: Float64Array,
  shape: LayerNormShape,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const [dx, dweight, dbias] = [new Float64Array(x.length), new Float64Array(shape.c), new Float64Array(shape.c)];
  eachPixel(shape, (indices) => {
    const { z, deviation } = normalise(x, indices, shape.eps);
    const g = indices.map((i, k) => dy[i]! * weight[k]!);
    const mean = g.reduce((sum, v) => sum + v, 0) / shape.c;
    const slope = g.reduce((sum, v, k) => sum + v * z[k]!, 0) / shape.c;
    for (const [k, i] of indices.entries()) {
      dx[i] = (g[k]! - mean - z[k]! * slope) / deviation;
      dweight[k]! += dy[i]! * z[k]!;
      dbias[k]! += dy[i]!;
    }
  });
  return { dx, dweight, dbias };
}
