import type { PoolSizes, PoolWindow } from '../pool-window.js';

/** Maxima of `planes` planes [H, W], and row * W + column of the first pixel that attains each. */
export function maxPool2d(
  x: ArrayLike<number>,
  planes: number,
  { height, width, outHeight, outWidth }: PoolSizes,
  { kernelSize, stride, padding }: PoolWindow,
): { y: Float64Array; index: Int32Array } {
  const y = new Float64Array(planes * outHeight * outWidth).fill(-Infinity);
  const index = new Int32Array(y.length).fill(-1);
  for (let o = 0; o < y.length; o++) {
    const plane = Math.floor(o / (outHeight * outWidth));
    const i = Math.floor(o / outWidth) % outHeight;
    const j = o % outWidth;
    for (let u = 0; u < kernelSize; u++) {
      for (let v = 0; v < kernelSize; v++) {
        const row = i * stride - padding + u;
        const column = j * stride - padding + v;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const value = x[(plane * height + row) * width + column]!;
        if (index[o] !== -1 && !(value > y[o]!)) continue;
        y[o] = value;
        index[o] = row * width + column;
      }
    }
  }
  return { y, index };
}

/** Every window's gradient goes to its winner. */
export function maxPool2dGrad(
  dy: Float64Array,
  index: ArrayLike<number>,
  planes: number,
  { height, width, outHeight, outWidth }: PoolSizes,
): Float64Array {
  const dx = new Float64Array(planes * height * width);
  for (let o = 0; o < dy.length; o++) {
    const at = Math.floor(o / (outHeight * outWidth)) * height * width + (index[o] ?? 0);
    dx[at] = (dx[at] ?? 0) + (dy[o] ?? 0);
  }
  return dx;
}
