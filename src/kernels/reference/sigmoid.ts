/** y = 1 / (1 + exp(-x)), float64. */
export function sigmoid(x: Float64Array): Float64Array {
  return x.map((v) => 1 / (1 + Math.exp(-v)));
}

export function sigmoidGrad(x: Float64Array, dy: Float64Array): Float64Array {
  return sigmoid(x).map((y, i) => (dy[i] ?? 0) * y * (1 - y));
}
