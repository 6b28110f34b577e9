import { Random } from '../../src/random.js';

/** Normal numbers as float32, the same for the same seed and size. */
export function normals(seed: number, length: number, sd = 1): Float32Array<ArrayBuffer> {
  const random = new Random(seed, length);
  return Float32Array.from({ length }, () => random.normal(0, sd));
}
