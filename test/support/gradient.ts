// Checks of reference gradients in float64: central differences for any function, the dot-product test for linear ones.

/**
 * Fails where the gradient of sum(f(x) * dy) by x, `dx`, is not that of central differences. Their error is about
 * h^2 |f'''| / 6 + 1e-16 |f| / h: near 1e-10 for f of order 1 at h = 1e-5, so 1e-6 of the largest entry leaves ample room.
 */
export function expectGradient(f: (x: Float64Array) => Float64Array, x: Float64Array, dy: Float64Array, dx: Float64Array, h = 1e-5): void {
  const bound = 1e-6 * Math.max(1e-3, ...dx.map(Math.abs));
  for (let i = 0; i < x.length; i++) {
    const at = (v: number): number => dot(f(x.with(i, v)), dy);
    const v = x[i] ?? 0;
    const slope = (at(v + h) - at(v - h)) / (2 * h);
    const error = Math.abs(slope - (dx[i] ?? NaN));
    if (!(error <= bound)) throw new Error(`gradient [${i}] is ${dx[i]}, central differences give ${slope}, bound ${bound}.`);
  }
}

/** Sum of products, in float64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`dot: ${a.length} and ${b.length} numbers.`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Largest magnitude, for tolerances relative to it. */
export function largest(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i] ?? 0));
  return max;
}
