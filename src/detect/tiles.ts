import { cropReflect, type GrayImage } from '../data/image.js';
import { UserError } from '../errors.js';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One run of the network: it reads `window` and is believed inside `core`. Coordinates in the padded image, px. */
export interface Tile {
  readonly core: Rectangle;
  readonly window: Rectangle;
}

export interface TilePlan {
  /** Size of the padded image: the image's, rounded up to the alignment; the extra rows and columns are reflections. */
  readonly width: number;
  readonly height: number;
  /** Size of every window: one recorded GPU program serves the whole image. */
  readonly windowWidth: number;
  readonly windowHeight: number;
  /** Row by row, from left to right. */
  readonly tiles: readonly Tile[];
}

export interface TileRequest {
  /** Size of the image on the working grid, px. */
  readonly width: number;
  readonly height: number;
  /** Largest side of a window, px (memory decides); rounded down to the alignment. */
  readonly tile: number;
  /** How far an output pixel looks, px; rounded up to the alignment. */
  readonly halo: number;
  /** Origins and sizes are multiples of this: 2^(levels - 1), so that all poolings fall as in the untiled run. */
  readonly multiple?: number;
}

interface Span {
  readonly core: readonly [start: number, end: number];
  readonly window: readonly [start: number, end: number];
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Column and row range of the pixels that count, in multiples of `multiple` and inside the padded image; null where none counts. */
function boundsOf(counts: Uint8Array, width: number, height: number, multiple: number): Rectangle | null {
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    const row = counts.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    [x0, x1] = [Math.min(x0, first), Math.max(x1, row.lastIndexOf(1))];
    [y0, y1] = [Math.min(y0, y), y];
  }
  if (y1 < 0) return null;
  const [x, y] = [Math.floor(x0 / multiple) * multiple, Math.floor(y0 / multiple) * multiple];
  return { x, y, width: roundUp(x1 + 1, multiple) - x, height: roundUp(y1 + 1, multiple) - y };
}

/**
 * The part of the padded image that decides about the pixels that count: their bounds and the halo around, cut where the padded
 * image ends. Run alone, it gives them what a run over the whole image gives. Null where no pixel counts.
 * @param counts 1 = counts, [height, width]
 */
export function regionOfInterest(
  { width, height }: { readonly width: number; readonly height: number },
  counts: Uint8Array,
  halo: number,
  multiple = 16,
): Rectangle | null {
  const bounds = boundsOf(counts, width, height, multiple);
  if (!bounds) return null;
  const margin = roundUp(halo, multiple);
  const [x, y] = [Math.max(0, bounds.x - margin), Math.max(0, bounds.y - margin)];
  const right = Math.min(roundUp(width, multiple), bounds.x + bounds.width + margin);
  const bottom = Math.min(roundUp(height, multiple), bounds.y + bounds.height + margin);
  return { x, y, width: right - x, height: bottom - y };
}

const shifted = ({ x, y, ...size }: Rectangle, dx: number, dy: number): Rectangle => ({ x: x + dx, y: y + dy, ...size });

/** The tiles of a plan of one region, in the coordinates of the padded image. */
export function tilesOf({ tiles }: TilePlan, { x, y }: Rectangle): Tile[] {
  return tiles.map(({ core, window }) => ({ core: shifted(core, x, y), window: shifted(window, x, y) }));
}

/** Number of windows of side `tile` that cover an axis: the first and the last core reach the border, where no halo is needed. */
function countAlong(length: number, tile: number, halo: number): number {
  return length <= tile ? 1 : Math.ceil((length - 2 * halo) / (tile - 2 * halo));
}

/** Windows of one equal length; the last is shifted inwards, not shortened, and its core is what the others left. */
function spansAlong(length: number, tile: number, halo: number, multiple: number): Span[] {
  const count = countAlong(length, tile, halo);
  // The shortest windows that need no more tiles: less overlap of the last with the one before.
  const side = count === 1 ? length : roundUp((length - 2 * halo) / count + 2 * halo, multiple);
  const spans: Span[] = [];
  let done = 0;
  for (let i = 0; i < count; i++) {
    const start = Math.min(i * (side - 2 * halo), length - side);
    const end = i === count - 1 ? length : start + side - halo;
    spans.push({ core: [done, end], window: [start, start + side] });
    done = end;
  }
  return spans;
}

const rectangle = (x: readonly [number, number], y: readonly [number, number]): Rectangle => ({
  x: x[0],
  y: y[0],
  width: x[1] - x[0],
  height: y[1] - y[0],
});

/**
 * Cuts an image into tiles whose results, put together, are those of one run over the whole padded image: cores partition it,
 * every window holds at least `halo` beyond its core or ends at the padded image's border, where the untiled run ends too.
 * All windows of an image have one size.
 * @throws UserError where a window of side `tile` has no room for a core
 */
export function planTiles({ width, height, tile, halo, multiple = 16 }: TileRequest): TilePlan {
  const side = Math.floor(tile / multiple) * multiple;
  const margin = roundUp(halo, multiple);
  const [paddedWidth, paddedHeight] = [roundUp(width, multiple), roundUp(height, multiple)];
  const least = smallestTile(halo, multiple);
  if (side < least && Math.max(paddedWidth, paddedHeight) > side)
    throw new UserError(`Tiles of ${tile} px leave no room inside a halo of ${margin} px on each side. Use at least ${least} px.`);
  const columns = spansAlong(paddedWidth, side, margin, multiple);
  const rows = spansAlong(paddedHeight, side, margin, multiple);
  const tiles = rows.flatMap((r) => columns.map((c) => ({ core: rectangle(c.core, r.core), window: rectangle(c.window, r.window) })));
  const { width: windowWidth = 0, height: windowHeight = 0 } = tiles[0]?.window ?? {};
  return { width: paddedWidth, height: paddedHeight, windowWidth, windowHeight, tiles };
}

/** Side of the smallest usable window, px: a core of one alignment step between two halos. */
export function smallestTile(halo: number, multiple = 16): number {
  return 2 * roundUp(halo, multiple) + multiple;
}

/** The network's input for one tile; what lies in the padding is reflected. */
export function cropTile(image: GrayImage, { window }: Tile): GrayImage {
  return cropReflect(image, window.x, window.y, window.width, window.height);
}

/**
 * Copies the core of one output channel into the map of the whole image; the padding is dropped.
 * @param source [window height, window width], row-major
 */
export function placeCore(map: GrayImage, { core, window }: Tile, source: Float32Array): void {
  const columns = Math.min(core.width, map.width - core.x);
  for (let y = core.y; y < Math.min(core.y + core.height, map.height); y++) {
    const from = (y - window.y) * window.width + core.x - window.x;
    map.data.set(source.subarray(from, from + columns), y * map.width + core.x);
  }
}
