import { createImage, type GrayImage } from '../data/image.js';

/** The network's sigmoid outputs on the working grid: two row-major maps, `map[y * width + x]`, each 0 .. 1. */
export interface ProbabilityMaps {
  readonly width: number;
  readonly height: number;
  readonly benignLike: Float32Array;
  readonly malignantLike: Float32Array;
}

/** The two channels of a network's output as maps. */
export function asMaps({ width, height }: Pick<GrayImage, 'width' | 'height'>, [benign, malignant]: readonly GrayImage[]): ProbabilityMaps {
  if (!benign || !malignant) throw new Error('maps: expected two segmentation channels, benign-like and malignant-like.');
  return { width, height, benignLike: benign.data, malignantLike: malignant.data };
}

/** Sets a map to 0 where `counts` is not 1. */
export function clearOutside({ data }: GrayImage, counts: Uint8Array): void {
  for (let i = 0; i < data.length; i++) if (counts[i] !== 1) data[i] = 0;
}

export function createMaps(width: number, height: number): ProbabilityMaps {
  return { width, height, benignLike: new Float32Array(width * height), malignantLike: new Float32Array(width * height) };
}

/** Coordinate on the original grid of a coordinate on the working grid; `scale` = original px per working px, pixel centres at integers. */
export function toOriginal(working: number, scale: number): number {
  return (working + 0.5) * scale - 0.5;
}

/** Left neighbour and weight of the right one for every original pixel along one axis, clamped at the outermost working pixels. */
function taps(originalSize: number, workingSize: number, scale: number): { low: Int32Array; high: Int32Array; weight: Float32Array } {
  const low = new Int32Array(originalSize);
  const high = new Int32Array(originalSize);
  const weight = new Float32Array(originalSize);
  for (let i = 0; i < originalSize; i++) {
    const at = Math.min(Math.max((i + 0.5) / scale - 0.5, 0), workingSize - 1);
    low[i] = Math.floor(at);
    high[i] = Math.min(Math.floor(at) + 1, workingSize - 1);
    weight[i] = at - Math.floor(at);
  }
  return { low, high, weight };
}

/**
 * One map on the original grid, bilinear with half-pixel centres. Never area-averaged, not even when the original is the
 * coarser grid: averaging would lower the peak of a microcalcification that is one pixel wide.
 * @param scale original px per working px, [row, column]
 */
export function mapOnOriginalGrid(
  map: Float32Array,
  working: { readonly width: number; readonly height: number },
  original: { readonly width: number; readonly height: number },
  scale: readonly [row: number, column: number],
): GrayImage {
  const out = createImage(original.width, original.height);
  const rows = taps(original.height, working.height, scale[0]);
  const columns = taps(original.width, working.width, scale[1]);
  for (let y = 0; y < original.height; y++) {
    const top = (rows.low[y] ?? 0) * working.width;
    const bottom = (rows.high[y] ?? 0) * working.width;
    const v = rows.weight[y] ?? 0;
    for (let x = 0; x < original.width; x++) {
      const left = columns.low[x] ?? 0;
      const right = columns.high[x] ?? 0;
      const u = columns.weight[x] ?? 0;
      const above = (map[top + left] ?? 0) * (1 - u) + (map[top + right] ?? 0) * u;
      const below = (map[bottom + left] ?? 0) * (1 - u) + (map[bottom + right] ?? 0) * u;
      out.data[y * original.width + x] = above * (1 - v) + below * v;
    }
  }
  return out;
}
