/** y[n,o] = bias[o] + sum over i of x[n,i] weight[o,i], float64. */
export function linear(x: Float64Array, weight: Float64Array, bias: Float64Array | null, rows: number): Float64Array {
  const inFeatures = x.length / rows;
  const outFeatures = weight.length / inFeatures;
  const y = new Float64Array(rows * outFeatures);
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < outFeatures; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < inFeatures; i++) sum += x[n * inFeatures + i]! * weight[o * inFeatures + i]!;
      y[n * outFeatures + o] = sum;
    }
  }
  return y;
}

/** Gradients of sum(y * dy) by x, weight and bias. */
export function linearGrad(
  x: Float64Array,
  weight: Float64Array,
  dy: Float64Array,
  rows: number,
): { dx: Float64Array; dw: Float64Array; db: Float64Array } {
  const inFeatures = x.length / rows;
  const outFeatures = weight.length / inFeatures;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(weight.length);
  const db = new Float64Array(outFeatures);
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < outFeatures; o++) {
      const g = dy[n * outFeatures + o]!;
      db[o]! += g;
      for (let i = 0; i < inFeatures; i++) {
        dx[n * inFeatures + i]! += g * weight[o * inFeatures + i]!;
        dw[o * inFeatures + i]! += g * x[n * inFeatures + i]!;
      }
    }
  }
  return { dx, dw, db };
}
