/** y = gamma[c] * x for x [N, C, P] with `plane` = P, float64. */
export function channelScale(x: Float64Array, gamma: Float64Array, plane: number): Float64Array {
  return x.map((v, i) => v * (gamma[Math.floor(i / plane) % gamma.length] ?? 0));
}

export function channelScaleGrad(
  x: Float64Array,
  gamma: Float64Array,
  dy: Float64Array,
  plane: number,
): { dx: Float64Array; dgamma: Float64Array } {
  const dgamma = new Float64Array(gamma.length);
  for (let i = 0; i < x.length; i++) {
    const c = Math.floor(i / plane) % gamma.length;
    dgamma[c] = (dgamma[c] ?? 0) + (x[i] ?? 0) * (dy[i] ?? 0);
  }
  return { dx: channelScale(dy, gamma, plane), dgamma };
}
