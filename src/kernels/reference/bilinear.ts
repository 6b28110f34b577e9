/** Sizes of one plane before and after resampling, pixels. */
export interface ResampleSizes {
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** `planes` planes [H, W] resampled to [OH, OW]. */
export function bilinear(x: Float64Array, planes: number, sizes: ResampleSizes): Float64Array {
  const y = new Float64Array(planes * sizes.outHeight * sizes.outWidth);
  forEachTerm(planes, sizes, (from, to, weight) => {
    y[to] = (y[to] ?? 0) + weight * (x[from] ?? 0);
  });
  return y;
}

/** The transpose: every term of the forward sum, scattered back. */
export function bilinearGrad(dy: Float64Array, planes: number, sizes: ResampleSizes): Float64Array {
  const dx = new Float64Array(planes * sizes.height * sizes.width);
  forEachTerm(planes, sizes, (from, to, weight) => {
    dx[from] = (dx[from] ?? 0) + weight * (dy[to] ?? 0);
  });
  return dx;
}

function forEachTerm(
  planes: number,
  { height, width, outHeight, outWidth }: ResampleSizes,
  visit: (from: number, to: number, weight: number) => void,
): void {
  for (let to = 0; to < planes * outHeight * outWidth; to++) {
    const plane = Math.floor(to / (outHeight * outWidth));
    const rows = source(Math.floor(to / outWidth) % outHeight, height, outHeight);
    const columns = source(to % outWidth, width, outWidth);
    for (const [row, rowWeight] of rows) {
      for (const [column, columnWeight] of columns) visit((plane * height + row) * width + column, to, rowWeight * columnWeight);
    }
  }
}

/** The two pixels between which output pixel i lies, and their weights. */
function source(i: number, size: number, outSize: number): [pixel: number, weight: number][] {
  const at = Math.max(0, ((i + 0.5) * size) / outSize - 0.5);
  const low = Math.min(Math.floor(at), size - 1);
  return [
    [low, 1 - (at - low)],
    [Math.min(low + 1, size - 1), at - low],
  ];
}
