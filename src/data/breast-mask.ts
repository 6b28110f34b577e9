import { labelComponents, largestComponent } from './components.js';
import type { GrayImage } from './image.js';
import { createImage } from './image.js';

/** The outline is found on block means, the longer side at most this many blocks: noise and single bright pixels vanish. */
const MAX_BLOCKS = 600;
/** Above the background's level by at least this much, display intensity (four 8-bit steps): breast. */
const MIN_CONTRAST = 4 / 255;
/** Radius of the opening that cuts labels and scratches off the breast, as a part of the shorter side. */
const OPENING_PART = 1 / 200;
/** A background covers at least this part of the image and ends below this part of the breast's median intensity. */
const MIN_BACKGROUND_PART = 0.01;
const MAX_BACKGROUND_LEVEL = 0.5;
const HISTOGRAM_BINS = 256;
/** The background's peak is looked for among this part of the image, the darkest, and ends where it has fallen to that part of its height. */
const MAX_DARK_PART = 0.1;
const PEAK_END_PART = 0.05;
/** Dark pieces at the border smaller than this part of the image are fat at the chest wall, not background. */
const MIN_OUTSIDE_PART = 0.01;

/**
 * Where the breast is: 1 inside, 0 outside, one value per pixel. The largest component brighter than the dark background, with
 * its holes filled; markers, text and scratches are separate and dropped. A crop without background is breast all over; an
 * image of one level has none.
 */
export function breastMask(image: GrayImage): Uint8Array {
  const { width, height } = image;
  const side = Math.max(1, Math.ceil(Math.max(width, height) / MAX_BLOCKS));
  const blocks = blockMeans(image, side);
  const threshold = backgroundThreshold(blocks.data);
  if (threshold === null) return new Uint8Array(width * height).fill(isEven(blocks.data) ? 0 : 1);
  const radius = Math.max(1, Math.round(Math.min(blocks.width, blocks.height) * OPENING_PART));
  const bright = Uint8Array.from(blocks.data, (v) => (v > threshold ? 1 : 0));
  const opened = dilate(erode(bright, blocks, radius), blocks, radius);
  const breast = fillHoles(largestComponent(opened, blocks.width, blocks.height), blocks);
  return enlarge(breast, blocks, side, width, height);
}

function isEven(values: Float32Array): boolean {
  return values.every((v) => v === values[0]);
}

/** Means of side x side blocks; those at the right and lower border may be smaller. */
function blockMeans(image: GrayImage, side: number): GrayImage {
  const out = createImage(Math.ceil(image.width / side), Math.ceil(image.height / side));
  const sums = new Float64Array(out.width);
  for (let by = 0; by < out.height; by++) {
    const rows = Math.min(side, image.height - by * side);
    sums.fill(0);
    for (let y = by * side; y < by * side + rows; y++) {
      for (let bx = 0, x = 0; bx < out.width; bx++) {
        for (const end = Math.min(x + side, image.width); x < end; x++) sums[bx]! += image.data[y * image.width + x]!;
      }
    }
    for (let bx = 0; bx < out.width; bx++) {
      out.data[by * out.width + bx] = sums[bx]! / (rows * Math.min(side, image.width - bx * side));
    }
  }
  return out;
}

/**
 * The level between background and breast, or null where there is no background. A background is a narrow peak at the dark end
 * of the histogram; it ends where the counts have fallen to a small part of the peak. (Otsu's threshold would cut fatty breasts
 * in two: their fat lies nearer to the background than to the dense tissue.)
 */
function backgroundThreshold(values: Float32Array): number | null {
  const histogram = new Float64Array(HISTOGRAM_BINS);
  for (const v of values) histogram[Math.min(HISTOGRAM_BINS - 1, Math.max(0, Math.floor(v * HISTOGRAM_BINS)))]!++;
  const peak = darkPeak(histogram, values.length);
  let end = peak;
  while (end < HISTOGRAM_BINS - 1 && histogram[end + 1]! > PEAK_END_PART * histogram[peak]!) end++;
  const level = (peak + 0.5) / HISTOGRAM_BINS;
  const threshold = level + Math.max(MIN_CONTRAST, (2 * (end - peak)) / HISTOGRAM_BINS);
  const dark = values.filter((v) => v <= threshold).length;
  if (dark < MIN_BACKGROUND_PART * values.length) return null;
  return threshold < MAX_BACKGROUND_LEVEL * medianAbove(histogram, threshold) ? threshold : null;
}

/** Median of the binned values above `threshold`, as a bin's centre. */
function medianAbove(histogram: Float64Array, threshold: number): number {
  const bright = histogram.map((count, bin) => ((bin + 0.5) / HISTOGRAM_BINS > threshold ? count : 0));
  const half = bright.reduce((sum, count) => sum + count, 0) / 2;
  let bin = 0;
  for (let seen = bright[0]!; seen < half;) seen += bright[++bin]!;
  return (bin + 0.5) / HISTOGRAM_BINS;
}

/** The fullest bin among those that hold the darkest values: where a background's peak would be. */
function darkPeak(histogram: Float64Array, total: number): number {
  let last = 0;
  for (let seen = histogram[0]!; seen < MAX_DARK_PART * total && last < HISTOGRAM_BINS - 1;) seen += histogram[++last]!;
  let peak = 0;
  for (let bin = 0; bin <= last; bin++) if (histogram[bin]! > histogram[peak]!) peak = bin;
  return peak;
}

type Grid = Pick<GrayImage, 'width' | 'height'>;

/** Minimum over the (2 radius + 1)-square; beyond the border the mask goes on as it is there. */
function erode(mask: Uint8Array, grid: Grid, radius: number): Uint8Array {
  return invert(dilate(invert(mask), grid, radius));
}

function invert(mask: Uint8Array): Uint8Array {
  return mask.map((v) => 1 - v);
}

/** Maximum over the (2 radius + 1)-square, by rows and then by columns. */
function dilate(mask: Uint8Array, { width, height }: Grid, radius: number): Uint8Array {
  const rows = new Uint8Array(mask.length);
  const out = new Uint8Array(mask.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (mask[y * width + x] === 1) rows.fill(1, y * width + Math.max(0, x - radius), y * width + Math.min(width, x + radius + 1));
    }
  }
  for (let y = 0; y < height; y++) {
    for (let dy = Math.max(0, y - radius); dy <= Math.min(height - 1, y + radius); dy++) {
      for (let x = 0; x < width; x++) out[y * width + x]! |= rows[dy * width + x]!;
    }
  }
  return out;
}

/** A dark piece that does not reach the border, or only a little of it, is inside the breast. */
function fillHoles(mask: Uint8Array, { width, height }: Grid): Uint8Array {
  const filled = mask.slice();
  const labels = labelComponents(invert(mask), width, height);
  for (let i = 0; i < mask.length; i++) {
    const piece = labels.pieces[labels.of[i]!];
    if (piece !== undefined && !(piece.touchesBorder && piece.size >= MIN_OUTSIDE_PART * mask.length)) filled[i] = 1;
  }
  return filled;
}

/** Blocks back to pixels; linear between block centres, so that the outline is no staircase. */
function enlarge(blocks: Uint8Array, grid: Grid, side: number, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height);
  const rows = between(height, side, grid.height);
  const columns = between(width, side, grid.width);
  const line = new Float32Array(grid.width);
  for (let y = 0; y < height; y++) {
    const upper = rows.first[y]! * grid.width;
    const lower = Math.min(rows.first[y]! + 1, grid.height - 1) * grid.width;
    const down = rows.weight[y]!;
    for (let bx = 0; bx < grid.width; bx++) line[bx] = (1 - down) * blocks[upper + bx]! + down * blocks[lower + bx]!;
    for (let x = 0; x < width; x++) {
      const left = columns.first[x]!;
      const right = columns.weight[x]!;
      if ((1 - right) * line[left]! + right * (line[left + 1] ?? 0) >= 0.5) out[y * width + x] = 1;
    }
  }
  return out;
}

/** For each pixel along an axis the block before its centre and the weight of the block after (0 at the last block). */
function between(pixels: number, side: number, blocks: number): { first: Int32Array; weight: Float32Array } {
  const position = Float64Array.from({ length: pixels }, (_, i) => Math.min(Math.max((i + 0.5) / side - 0.5, 0), blocks - 1));
  return { first: Int32Array.from(position), weight: Float32Array.from(position, (p) => p - Math.floor(p)) };
}
