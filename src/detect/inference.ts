import { createImage, type GrayImage } from '../data/image.js';
import { UserError } from '../errors.js';
import type { Network } from '../model/network.js';
import { tileHalo } from '../model/receptive-field.js';
import { mebibytes } from '../runtime/device.js';
import type { ProbabilityMaps } from './maps.js';
import { fusedLogits, imageScores, mergeSums, type ClassHead, type ImageScores, type PooledSums } from './score.js';
import { TileProgram } from './tile-program.js';
import { cropTile, placeCore, planTiles, smallestTile, type Tile, type TilePlan } from './tiles.js';

export interface InferenceOptions {
  /** Largest side of a window, px of the working grid. */
  readonly tile?: number;
  /** Most memory on the GPU for windows and feature maps, bytes. */
  readonly memoryBudgetBytes?: number;
}

export interface Detection {
  readonly maps: ProbabilityMaps;
  readonly scores: ImageScores;
}

/** Side of a window where nothing limits it: larger ones save little halo and cost memory. */
const DEFAULT_TILE = 1024;
const LEVEL_COUNT = 5;

/**
 * Full-resolution detection, tile by tile. Windows overlap by twice the network's receptive radius, start at multiples of 16 and
 * end where the padded image ends, so every pixel is computed from what it would see in one run over the whole image; class
 * scores pool over the image from per-tile sums.
 */
export class Inference {
  private program: { readonly key: string; readonly tile: TileProgram } | undefined;
  private heads: readonly ClassHead[] = [];

  constructor(
    private readonly network: Network,
    private readonly options: InferenceOptions = {},
  ) {}

  /** Sets the weights: parameters and running statistics by name, as a model file holds them. */
  load(arrays: ReadonlyMap<string, Float32Array>): void {
    this.network.load(arrays);
    const { classes, deepSupervision } = this.network.model.config;
    const array = (name: string): Float32Array => arrays.get(name) ?? new Float32Array();
    const scales = classes === 0 ? 0 : deepSupervision ? LEVEL_COUNT : 1;
    this.heads = Array.from({ length: scales }, (_, k) => ({ weight: array(`class.${k}.weight`), bias: array(`class.${k}.bias`) }));
  }

  /**
   * Probability maps and image scores of one preprocessed image.
   * @param breast 1 = breast; pixels outside get probability 0 and do not count for the class. Default: the whole image.
   * @param onTile called after every tile
   */
  async run(image: GrayImage, breast?: Uint8Array, onTile?: (done: number, total: number) => void): Promise<Detection> {
    const plan = this.plan(image);
    const program = await this.programFor(plan);
    const channels = Array.from({ length: this.network.model.config.segmentationChannels }, () => createImage(image.width, image.height));
    const sums: PooledSums[][] = this.heads.map(() => []);
    const inside = (x: number, y: number): boolean =>
      x < image.width && y < image.height && (breast ? breast[y * image.width + x] === 1 : true);
    const tiles = plan.tiles.filter((tile) => touches(tile, inside));
    for (const [i, tile] of tiles.entries()) {
      const masks = this.heads.map((_, k) => coreMask(tile, k, inside));
      const result = await program.run(cropTile(image, tile).data, masks);
      const pixels = plan.windowWidth * plan.windowHeight;
      for (const [c, map] of channels.entries()) placeCore(map, tile, result.probabilities.subarray(c * pixels, (c + 1) * pixels));
      for (const [k, list] of sums.entries()) {
        const part = result.sums[k];
        if (part) list.push(part);
      }
      onTile?.(i + 1, tiles.length);
    }
    for (const map of channels) clear(map, breast);
    return { maps: asMaps(image, channels), scores: this.scores(sums) };
  }

  destroy(): void {
    this.program?.tile.destroy();
    this.program = undefined;
  }

  private scores(sums: readonly PooledSums[][]): ImageScores {
    if (this.heads.length === 0 || sums.some((list) => list.length === 0)) return { mcScore: 0, malignancyScore: 0 };
    return imageScores(fusedLogits(this.heads.map((head, k) => ({ head, sums: mergeSums(sums[k] ?? []) }))));
  }

  /** Tiles of the largest side that the options allow. */
  private plan(image: GrayImage): TilePlan {
    const halo = tileHalo(this.network.model.config);
    const budget = this.options.memoryBudgetBytes ?? Infinity;
    const least = smallestTile(halo);
    let tile = Math.max(this.options.tile ?? DEFAULT_TILE + 2 * halo, least);
    for (;;) {
      const plan = planTiles({ width: image.width, height: image.height, tile, halo });
      const bytes = TileProgram.plannedBytes(this.network, plan.windowWidth, plan.windowHeight);
      if (bytes <= budget) return plan;
      if (tile <= least) {
        throw new UserError(
          `The memory budget of ${mebibytes(budget)} is too small: windows of ${plan.windowWidth}x${plan.windowHeight} px, the smallest possible, need ${mebibytes(bytes)}. Use --memory-budget ${Math.ceil(bytes / 2 ** 20)}MB or more.`,
        );
      }
      tile = Math.max(least, Math.floor((tile * 0.85) / 16) * 16);
    }
  }

  private async programFor({ windowWidth, windowHeight }: TilePlan): Promise<TileProgram> {
    const key = `${windowWidth}x${windowHeight}`;
    if (this.program?.key === key) return this.program.tile;
    this.destroy();
    const tile = await TileProgram.create(this.network, windowWidth, windowHeight);
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

function clear(map: GrayImage, breast: Uint8Array | undefined): void {
  if (!breast) return;
  for (let i = 0; i < map.data.length; i++) if (breast[i] !== 1) map.data[i] = 0;
}

function asMaps({ width, height }: GrayImage, [benign, malignant]: readonly GrayImage[]): ProbabilityMaps {
  if (!benign || !malignant) throw new Error('inference: expected two segmentation channels, benign-like and malignant-like.');
  return { width, height, benignLike: benign.data, malignantLike: malignant.data };
}
