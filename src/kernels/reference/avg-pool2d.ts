import type { PoolSizes, PoolWindow } from '../pool-window.js';

/** Means of every window of `planes` planes [H, W]. */
export function avgPool2d(x: Float64Array, planes: number, sizes: PoolSizes, window: PoolWindow, countIncludePad: boolean): Float64Array {
  const y = new Float64Array(planes * sizes.outHeight * sizes.outWidth);
  forEachTerm(planes, sizes, window, countIncludePad, (from, to, weight) => {
    y[to] = (y[to] ?? 0) + weight * (x[from] ?? 0);
  });
  return y;
}

/** The transpose: every term of the forward sum, scattered back. */
export function avgPool2dGrad(
  dy: Float64Array,
  planes: number,
  sizes: PoolSizes,
  window: PoolWindow,
  countIncludePad: boolean,
): Float64Array {
  const dx = new Float64Array(planes * sizes.height * sizes.width);
  forEachTerm(planes, sizes, window, countIncludePad, (from, to, weight) => {
    dx[from] = (dx[from] ?? 0) + weight * (dy[to] ?? 0);
  });
  return dx;
}

function forEachTerm(
  planes: number,
  { height, width, outHeight, outWidth }: PoolSizes,
  { kernelSize, stride, padding }: PoolWindow,
  countIncludePad: boolean,
  visit: (from: number, to: number, weight: number) => void,
): void {
  for (let to = 0; to < planes * outHeight * outWidth; to++) {
    const plane = Math.floor(to / (outHeight * outWidth));
    const [i, j] = [Math.floor(to / outWidth) % outHeight, to % outWidth];
    const inside: number[] = [];
    let counted = 0;
    for (let u = 0; u < kernelSize; u++) {
      for (let v = 0; v < kernelSize; v++) {
        const [row, column] = [i * stride - padding + u, j * stride - padding + v];
        const inImage = row >= 0 && row < height && column >= 0 && column < width;
        if (inImage) inside.push((plane * height + row) * width + column);
        if (inImage || (countIncludePad && row < height + padding && column < width + padding)) counted++;
      }
    }
    for (const from of inside) visit(from, to, 1 / counted);
  }
}
