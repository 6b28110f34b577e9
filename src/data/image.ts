/** Single-channel image, row-major: `data[y * width + x]`, x = column, y = row, centre of the top-left pixel = (0, 0). */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function createImage(width: number, height: number): GrayImage {
  return { width, height, data: new Float32Array(width * height) };
}

/** Index of `i` in 0 .. n-1 after reflection at the outer pixels' centres (… 2 1 0 1 2 …), for any integer i. */
export function reflectIndex(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const m = ((i % period) + period) % period;
  return m < n ? m : period - m;
}

/** The window of `width` x `height` pixels whose top-left pixel is (x0, y0); outside the image it is reflected. */
export function cropReflect(image: GrayImage, x0: number, y0: number, width: number, height: number): GrayImage {
  const out = createImage(width, height);
  const columns = Int32Array.from({ length: width }, (_, x) => reflectIndex(x0 + x, image.width));
  for (let y = 0; y < height; y++) {
    const row = reflectIndex(y0 + y, image.height) * image.width;
    for (let x = 0; x < width; x++) out.data[y * width + x] = image.data[row + (columns[x] ?? 0)] ?? 0;
  }
  return out;
}
