/** Mean of every plane of `plane` pixels. */
export function globalAvgPool2d(x: Float64Array, plane: number): Float64Array {
  return Float64Array.from(
    { length: x.length / plane },
    (_, k) => x.subarray(k * plane, (k + 1) * plane).reduce((sum, v) => sum + v, 0) / plane,
  );
}

export function globalAvgPool2dGrad(dy: Float64Array, plane: number): Float64Array {
  return Float64Array.from({ length: dy.length * plane }, (_, i) => (dy[Math.floor(i / plane)] ?? 0) / plane);
}

/** Maximum of every plane, and the first pixel that attains it. */
export function globalMaxPool2d(x: Float64Array, plane: number): { y: Float64Array; index: number[] } {
  const pixels = Array.from({ length: x.length / plane }, (_, k) => x.subarray(k * plane, (k + 1) * plane));
  const index = pixels.map((p) => p.reduce((best, v, i) => (v > (p[best] ?? -Infinity) ? i : best), 0));
  return { y: Float64Array.from(pixels, (p, k) => p[index[k] ?? -1] ?? NaN), index };
}

export function globalMaxPool2dGrad(dy: Float64Array, index: readonly number[], plane: number): Float64Array {
  const dx = new Float64Array(dy.length * plane);
  for (const [k, at] of index.entries()) dx[k * plane + at] = dy[k] ?? 0;
  return dx;
}
