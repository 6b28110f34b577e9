/** The first word of PCG3D, in 32-bit arithmetic. */
export function hash3(a: number, b: number, c: number): number {
  const step = (v: number): number => (Math.imul(v, 1664525) + 1013904223) | 0;
  let [x, y, z] = [step(a), step(b), step(c)];
  x = (x + Math.imul(y, z)) | 0;
  y = (y + Math.imul(z, x)) | 0;
  z = (z + Math.imul(x, y)) | 0;
  [x, y, z] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16)];
  return (x + Math.imul(y, z)) >>> 0;
}

/** x masked and scaled, float64; of dy it is the gradient. `size`: elements that share a draw, 1 or (stochastic depth) those of an image. */
export function dropout(x: Float64Array, probability: number, seed: number, layer: number, size = 1): Float64Array {
  return x.map((v, i) => (hash3(Math.floor(i / size), seed, layer) < Math.round(probability * 2 ** 32) ? 0 : v / (1 - probability)));
}
