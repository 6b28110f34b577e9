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
    y[to]! += weight * x[from]!;
  });
  return y;
}

/** The transpose: every term of the forward sum, scattered back. */
export function bilinearGrad(dy: Float64Array, planes: number, sizes: ResampleSizes): Float64Array {
  const dx = new Float64Array(planes * sizes.height * sizes.width);
  forEachTerm(planes, sizes, (from, to, weight) => {
    dx[from]! += weight * dy[to]!;
  });
  return dx;
}

function forEachTerm(
  planes: number,
  { height, width, outHeight, outWidth }: ResampleSizes,
  visit: (from: number, to: number, weight: number) => void,
): void {
  const columns = Array.from({ length: outWidth }, (_, j) => source(j, width, outWidth));
  for (let plane = 0, to = 0; plane < planes; plane++) {
    for (let i = 0; i < outHeight; i++) {
      const rows = source(i, height, outHeight);
      for (const terms of columns) {
        for (const { pixel: row, weight: rowWeight } of rows) {
          for (const { pixel: column, weight } of terms) visit((plane * height + row) * width + column, to, rowWeight * weight);
        }
        to++;
      }
    }
  }
}

/** The two pixels between which output pixel i lies, and their weights. */
function source(i: number, size: number, outSize: number): { readonly pixel: number; readonly weight: number }[] {
  const at = Math.max(0, ((i + 0.5) * size) / outSize - 0.5);
  const low = Math.min(Math.floor(at), size - 1);
  return [
    { pixel: low, weight: 1 - (at - low) },
    { pixel: Math.min(low + 1, size - 1), weight: at - low },
  ];
}
