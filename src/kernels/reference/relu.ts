/** y = max(x, 0), float64. */
export function relu(x: Float64Array): Float64Array {
  return x.map((v) => Math.max(v, 0));
}

/** Gradient 0 at 0, as PyTorch. */
export function reluGrad(x: ArrayLike<number>, dy: Float64Array): Float64Array {
  return dy.map((v, i) => (x[i]! > 0 ? v : 0));
}
