// How much of a window of an image is breast, for any window, from a small table.

/** Part of a window that is breast; the window's borders are rounded to blocks. */
export type Coverage = (x: number, y: number, width: number, height: number) => number;

/** Side of the blocks in which breast is counted, px: a whole table per pixel would take as much memory as the image. */
const BLOCK = 8;

/** Breast pixels above and left of every block corner, row by row: any window's count from four of them. */
export type BreastCounts = Int32Array;

/** @param breast 1 = breast, one value per pixel */
export function countBreast({ width, height }: { width: number; height: number }, breast: Uint8Array): BreastCounts {
  const columns = Math.ceil(width / BLOCK);
  const rows = Math.ceil(height / BLOCK);
  const stride = columns + 1;
  const before = new Int32Array(stride * (rows + 1));
  for (let y = 0; y < height; y++) {
    const row = (Math.floor(y / BLOCK) + 1) * stride + 1;
    for (let x = 0; x < width; x++) before[row + Math.floor(x / BLOCK)]! += breast[y * width + x]!;
  }
  for (let i = stride; i < before.length; i++) if (i % stride > 0) before[i]! += before[i - 1]!;
  for (let i = stride; i < before.length; i++) before[i]! += before[i - stride]!;
  return before;
}

export function coverage({ width, height }: { width: number; height: number }, before: BreastCounts): Coverage {
  const columns = Math.ceil(width / BLOCK);
  const rows = Math.ceil(height / BLOCK);
  const stride = columns + 1;
  return (x, y, w, h) => {
    const [left, top] = [Math.round(x / BLOCK), Math.round(y / BLOCK)];
    const right = Math.min(columns, Math.round((x + w) / BLOCK));
    const bottom = Math.min(rows, Math.round((y + h) / BLOCK));
    const at = (column: number, row: number): number => before[row * stride + column]!;
    const count = at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top);
    return count / ((right - left) * (bottom - top) * BLOCK * BLOCK || 1);
  };
}
