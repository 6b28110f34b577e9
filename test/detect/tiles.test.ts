import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createImage, cropReflect, type GrayImage } from '../../src/data/image.js';
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
} from '../../src/detect/tiles.js';
import { UserError } from '../../src/errors.js';
import { Random } from '../../src/random.js';

const requests = fc
  .record({
    width: fc.integer({ min: 1, max: 400 }),
    height: fc.integer({ min: 1, max: 400 }),
    halo: fc.integer({ min: 0, max: 60 }),
    room: fc.integer({ min: 12, max: 300 }),
    multiple: fc.constantFrom(1, 4, 16),
  })
  .map(({ room, ...rest }) => ({ ...rest, tile: smallestTile(rest.halo, rest.multiple) + room }));

const right = (r: Rectangle): number => r.x + r.width;
const bottom = (r: Rectangle): number => r.y + r.height;

/** How often each pixel of the padded image is in a core. */
function coverage(plan: TilePlan): Uint8Array {
  const count = new Uint8Array(plan.width * plan.height);
  for (const { core } of plan.tiles)
    for (let y = core.y; y < bottom(core); y++)
      for (let x = core.x; x < right(core); x++) count[y * plan.width + x] = (count[y * plan.width + x] ?? 0) + 1;
  return count;
}

describe('planTiles', () => {
  test('cores partition the padded image', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const plan = planTiles(request);
        expect(plan.width - request.width).toBeLessThan(request.multiple);
        expect(coverage(plan).every((n) => n === 1)).toBe(true);
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  test('every core has its halo, or its window ends where the padded image ends', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const plan = planTiles(request);
        const inside = ({ window: w }: Tile): boolean => Math.min(w.x, w.y) >= 0 && right(w) <= plan.width && bottom(w) <= plan.height;
        const hasHalo = ({ core: c, window: w }: Tile): boolean =>
          (w.x === 0 || c.x - w.x >= request.halo) &&
          (w.y === 0 || c.y - w.y >= request.halo) &&
          (right(w) === plan.width || right(w) - right(c) >= request.halo) &&
          (bottom(w) === plan.height || bottom(w) - bottom(c) >= request.halo);
        expect(plan.tiles.filter((t) => !inside(t) || !hasHalo(t))).toEqual([]);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  test('origins and sizes are multiples of the alignment, windows are no larger than asked and all of one size', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const plan = planTiles(request);
        const aligned = (r: Rectangle): boolean => [r.x, r.y, r.width, r.height].every((n) => n % request.multiple === 0);
        const ofOneSize = (w: Rectangle): boolean => w.width === plan.windowWidth && w.height === plan.windowHeight;
        const isWrong = ({ core, window }: Tile): boolean =>
          !aligned(core) || !aligned(window) || core.width <= 0 || core.height <= 0 || !ofOneSize(window);
        expect(plan.tiles.filter(isWrong)).toEqual([]);
        expect(Math.max(plan.windowWidth, plan.windowHeight)).toBeLessThanOrEqual(request.tile);
      }),
      { numRuns: 200, seed: 6 },
    );
  });

  test('no plan with windows of that size needs fewer tiles', () => {
    expect(planTiles({ width: 2016, height: 512, tile: 512, halo: 96 }).tiles).toHaveLength(6);
    expect(planTiles({ width: 512, height: 512, tile: 512, halo: 96 }).tiles).toHaveLength(1);
    expect(planTiles({ width: 513, height: 512, tile: 512, halo: 96 }).tiles).toHaveLength(2);
  });

  test('windows shrink to what the same number of tiles needs', () => {
    const plan = planTiles({ width: 1264, height: 100, tile: 1024, halo: 96 });
    expect([plan.windowWidth, plan.windowHeight, plan.tiles.length]).toEqual([736, 112, 2]);
  });

  test('a tile without room for a core says how large it must be', () => {
    expect(() => planTiles({ width: 500, height: 500, tile: 207, halo: 90 })).toThrow(UserError);
    expect(() => planTiles({ width: 500, height: 500, tile: 207, halo: 90 })).toThrow('at least 208 px');
    expect(planTiles({ width: 500, height: 500, tile: 208, halo: 90 }).windowWidth).toBe(208);
  });
});

describe('regionOfInterest', () => {
  const size = { width: 200, height: 150 };
  const only = (...pixels: [x: number, y: number][]): Uint8Array => {
    const counts = new Uint8Array(size.width * size.height);
    for (const [x, y] of pixels) counts[y * size.width + x] = 1;
    return counts;
  };

  test('is null where no pixel counts', () => {
    expect(regionOfInterest(size, only(), 30)).toBeNull();
  });

  test('reaches a halo beyond the cells of the pixels that count', () => {
    expect(regionOfInterest(size, only([80, 64], [95, 79]), 30)).toEqual({ x: 48, y: 32, width: 80, height: 80 });
    expect(regionOfInterest(size, only([79, 64], [96, 79]), 30)).toEqual({ x: 32, y: 32, width: 112, height: 80 });
  });

  test('ends where the padded image ends', () => {
    expect(regionOfInterest(size, only([0, 0], [199, 149]), 30)).toEqual({ x: 0, y: 0, width: 208, height: 160 });
    expect(regionOfInterest(size, only([199, 149]), 30)).toEqual({ x: 160, y: 112, width: 48, height: 48 });
  });

  test('moves its tiles to their place in the image', () => {
    const region = { x: 48, y: 32, width: 80, height: 64 };
    const tiles = tilesOf(planTiles({ ...region, tile: 80, halo: 16 }), region);
    expect(tiles).toEqual([{ core: region, window: region }]);
  });
});

/** A stand-in for the network: mean over a window of side 2r + 1 inside its input, so borders count, plus an alignment pattern. */
function boxMean(image: GrayImage, r: number): GrayImage {
  const out = createImage(image.width, image.height);
  for (let y = 0; y < image.height; y++)
    for (let x = 0; x < image.width; x++) {
      let [sum, n] = [0, 0];
      for (let v = Math.max(0, y - r); v <= Math.min(image.height - 1, y + r); v++)
        for (let u = Math.max(0, x - r); u <= Math.min(image.width - 1, x + r); u++, n++) sum += image.data[v * image.width + u] ?? 0;
      out.data[y * image.width + x] = sum / n + 10 * (x % 16) + (y % 16);
    }
  return out;
}

test('tiled and untiled results are equal for a filter that looks as far as the halo, sees borders and its own phase', () => {
  const random = new Random(7);
  for (const [width, height] of [
    [70, 45],
    [131, 90],
    [30, 17],
  ] as const) /* prettier-ignore */ {
    const image = createImage(width, height);
    for (let i = 0; i < image.data.length; i++) image.data[i] = random.next();
    const plan = planTiles({ width, height, tile: 48, halo: 5 });
    const untiled = boxMean(cropReflect(image, 0, 0, plan.width, plan.height), 5);
    const map = createImage(width, height);
    for (const tile of plan.tiles) placeCore(map, tile, boxMean(cropTile(image, tile), 5).data);
    expect(map.data).toEqual(cropReflect(untiled, 0, 0, width, height).data);
  }
});
