import { createImage, type GrayImage } from '../data/image.js';
import { UserError } from '../errors.js';
import type { Network } from '../model/network.js';
import { tileHalo } from '../model/receptive-field.js';
import { mebibytes } from '../runtime/device.js';
import type { Detection, Inference, InferenceOptions } from './inference.js';
import { asMaps, clearOutside } from './maps.js';
import { fusedLogits, imageScores, mergeSums, type ClassHead, type PooledSums } from './score.js';
import { classScales, TileProgram } from './tile-program.js';
import {
  cropTile,
  placeCore,
  planTiles,
  regionOfInterest,
  smallestTile,
  tilesOf,
  type Rectangle,
  type Tile,
  type TilePlan,
} from './tiles.js';

/** Side of a window's core where nothing limits it, px: larger ones save little halo and cost memory. */
const DEFAULT_CORE = 1024;

/**
 * Full-resolution detection, tile by tile, over the part of the image that decides about the breast. Windows overlap by twice
 * the halo, start at multiples of 16 and end where the padded image ends or the breast is a halo away, so every pixel of the
 * breast is computed from what it would see in one run over the whole image; class scores pool over the image from per-tile sums.
 */
export class TiledInference implements Inference {
  private program: { readonly key: string; readonly tile: TileProgram } | undefined;
  private heads: readonly ClassHead[] = [];

  constructor(
    private readonly network: Network,
    private readonly options: InferenceOptions = {},
  ) {}

  load(arrays: ReadonlyMap<string, Float32Array>): void {
    this.network.load(arrays);
    const array = (name: string): Float32Array => arrays.get(name) ?? new Float32Array();
    this.heads = Array.from({ length: classScales(this.network.model.config) }, (_, k) => ({
      weight: array(`class.${k}.weight`),
      bias: array(`class.${k}.bias`),
    }));
  }

  async run(image: GrayImage, breast?: Uint8Array, onTile?: (done: number, total: number) => void): Promise<Detection> {
    const channels = Array.from({ length: this.network.model.config.segmentationChannels }, () => createImage(image.width, image.height));
    const counts = breast ?? new Uint8Array(image.width * image.height).fill(1);
    const region = regionOfInterest(image, counts, tileHalo(this.network.model.config));
    const sums = region ? await this.runRegion(image, counts, region, channels, onTile) : [];
    for (const map of channels) clearOutside(map, counts);
    const classLogits = this.classLogits(sums);
    if (this.network.model.config.classGuided) gate(channels, classLogits);
    return { maps: asMaps(image, channels), classLogits };
  }

  destroy(): void {
    this.dropProgram();
    this.network.destroy();
  }

  private dropProgram(): void {
    this.program?.tile.destroy();
    this.program = undefined;
  }

  /** Fills the maps tile by tile; returns the class sums [scale][tile]. */
  private async runRegion(
    image: GrayImage,
    counts: Uint8Array,
    region: Rectangle,
    maps: readonly GrayImage[],
    onTile?: (done: number, total: number) => void,
  ): Promise<PooledSums[][]> {
    const plan = this.plan(region);
    const program = await this.programFor(plan);
    const pixels = plan.windowWidth * plan.windowHeight;
    const sums: PooledSums[][] = this.heads.map(() => []);
    const inside = (x: number, y: number): boolean => x < image.width && y < image.height && counts[y * image.width + x] === 1;
    const tiles = tilesOf(plan, region).filter((tile) => touches(tile, inside));
    for (const [i, tile] of tiles.entries()) {
      const masks = this.heads.map((_, k) => coreMask(tile, k, inside));
      const result = await program.run(cropTile(image, tile).data, masks);
      for (const [c, map] of maps.entries()) placeCore(map, tile, result.probabilities.subarray(c * pixels, (c + 1) * pixels));
      for (const [k, part] of result.sums.entries()) sums[k]?.push(part);
      onTile?.(i + 1, tiles.length);
    }
    return sums;
  }

  private classLogits(sums: readonly PooledSums[][]): Float64Array {
    return fusedLogits(sums.map((tiles, k) => ({ head: this.heads[k]!, sums: mergeSums(tiles) })));
  }

  /** Tiles of the largest side that the options allow. */
  private plan({ width, height }: Rectangle): TilePlan {
    const halo = tileHalo(this.network.model.config);
    const budget = this.options.memoryBudgetBytes ?? Infinity;
    const least = smallestTile(halo);
    let tile = Math.max(this.options.tile ?? DEFAULT_CORE + 2 * halo, least);
    for (;;) {
      const plan = planTiles({ width, height, tile, halo });
      if (budget === Infinity) return plan;
      const bytes = this.network.store.weights.sizeBytes + this.plannedBytes(plan);
      if (bytes <= budget) return plan;
      if (tile <= least) {
        throw new UserError(
          `The memory budget of ${mebibytes(budget)} is too small: windows of ${plan.windowWidth}x${plan.windowHeight} px, the smallest possible, need ${mebibytes(bytes)}. Use --memory-budget ${Math.ceil(bytes / 2 ** 20)}MB or more.`,
        );
      }
      // Windows shrink to what their number needs, so the next that differ are smaller than these.
      tile = Math.max(least, Math.max(plan.windowWidth, plan.windowHeight) - 16);
    }
  }

  private plannedBytes({ windowWidth, windowHeight }: TilePlan): number {
    return TileProgram.plannedBytes(this.network, windowWidth, windowHeight, this.options.precision);
  }

  private async programFor({ windowWidth, windowHeight }: TilePlan): Promise<TileProgram> {
    const key = `${windowWidth}x${windowHeight}`;
    if (this.program?.key === key) return this.program.tile;
    this.dropProgram();
    const tile = await TileProgram.create(this.network, windowWidth, windowHeight, this.options.precision);
    this.program = { key, tile };
    return tile;
  }
}

/** True where any pixel of the core counts. */
function touches({ core }: Tile, inside: (x: number, y: number) => boolean): boolean {
  for (let y = core.y; y < core.y + core.height; y++) for (let x = core.x; x < core.x + core.width; x++) if (inside(x, y)) return true;
  return false;
}

/** 1 for the pixels of scale k whose centre lies in the core and counts; cores start and end at multiples of 16. */
function coreMask({ core, window }: Tile, k: number, inside: (x: number, y: number) => boolean): Float32Array {
  const pixel = 2 ** k;
  const [width, height] = [window.width / pixel, window.height / pixel];
  const mask = new Float32Array(width * height);
  const half = pixel >> 1;
  for (let y = (core.y - window.y) / pixel; y < (core.y + core.height - window.y) / pixel; y++) {
    for (let x = (core.x - window.x) / pixel; x < (core.x + core.width - window.x) / pixel; x++) {
      if (inside(window.x + x * pixel + half, window.y + y * pixel + half)) mask[y * width + x] = 1;
    }
  }
  return mask;
}

/** What the class gate does to a whole image (src/autograd/ops/class-gate.ts); a tile of it does not know the classes. */
function gate(maps: readonly GrayImage[], classLogits: Float64Array): void {
  if (classLogits.length === 0) return;
  const { mcScore } = imageScores(classLogits);
  for (const { data } of maps) for (let i = 0; i < data.length; i++) data[i]! *= mcScore;
}
