import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findCandidates, suppressNeighbours, type Candidate } from '../../src/detect/candidates.js';
import { createMaps, type ProbabilityMaps } from '../../src/detect/maps.js';
import { Random } from '../../src/random.js';

const at = { pixelSpacingMm: 0.1, minScore: 0.01 };

/** Adds a Gaussian of the given peak to one map, keeping the larger value. */
function blob(map: Float32Array, width: number, x: number, y: number, peak: number, sigma: number): void {
  const reach = Math.ceil(4 * sigma);
  for (let v = Math.max(0, Math.round(y) - reach); v <= Math.round(y) + reach; v++)
    for (let u = Math.max(0, Math.round(x) - reach); u <= Math.min(width - 1, Math.round(x) + reach); u++) {
      const i = v * width + u;
      if (i < map.length) map[i] = Math.max(map[i] ?? 0, peak * Math.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma ** 2)));
    }
}

function one(maps: ProbabilityMaps): Candidate {
  const [first, ...others] = findCandidates(maps, at);
  if (!first) throw new Error('no candidate was found');
  expect(others).toEqual([]);
  return first;
}

/** The result and the processor time that it took, s: what else the machine does hardly changes it. */
function timed<T>(work: () => T): [result: T, seconds: number] {
  const start = process.cpuUsage();
  const result = work();
  return [result, process.cpuUsage(start).user / 1e6];
}

describe('findCandidates', () => {
  test('an empty map has no candidates', () => {
    expect(findCandidates(createMaps(40, 30), at)).toEqual([]);
  });

  test('a single pixel gives its own box, the diameter of a disc of its area, and its own score', () => {
    const maps = createMaps(40, 30);
    maps.benignLike[7 * 40 + 11] = 0.5;
    const c = one(maps);
    expect(c).toMatchObject({ x: 11, y: 7, box: [10.5, 6.5, 11.5, 7.5], score: 0.5, malignancy: 0, class: 'benign-like' });
    expect(c.diameterMm).toBeCloseTo(0.1 * Math.sqrt(4 / Math.PI), 6);
  });

  test('the score joins both classes as independent events, the malignancy is the malignant share', () => {
    const maps = createMaps(9, 9);
    maps.benignLike[40] = 0.25;
    maps.malignantLike[40] = 0.75;
    expect(one(maps)).toMatchObject({ score: 1 - 0.75 * 0.25, malignancy: 0.75, class: 'malignant-like' });
  });

  test('the centre of a Gaussian blob is found to a tenth of a pixel and its diameter is that of half of the peak', () => {
    const maps = createMaps(64, 64);
    blob(maps.malignantLike, 64, 30.4, 21.7, 0.9, 2.5);
    const c = one(maps);
    expect(c.x).toBeCloseTo(30.4, 1);
    expect(c.y).toBeCloseTo(21.7, 1);
    expect(c.diameterMm).toBeCloseTo(0.1 * 2.5 * 2 * Math.sqrt(2 * Math.LN2), 1);
  });

  test('a plateau is one candidate in its middle', () => {
    const maps = createMaps(32, 32);
    for (let y = 10; y <= 14; y++) for (let x = 8; x <= 16; x++) maps.benignLike[y * 32 + x] = 1;
    expect(one(maps)).toMatchObject({ x: 12, y: 12, box: [7.5, 9.5, 16.5, 14.5], score: 1 });
  });

  test('ripple on a saturated object does not split it', () => {
    const random = new Random(3);
    const maps = createMaps(48, 48);
    for (let y = 0; y < 48; y++)
      for (let x = 0; x < 48; x++) if ((x - 24) ** 2 + (y - 24) ** 2 < 36) maps.benignLike[y * 48 + x] = random.uniform(0.95, 1);
    const c = one(maps);
    expect(Math.hypot(c.x - 24, c.y - 24)).toBeLessThan(0.5);
    expect(c.diameterMm).toBeCloseTo(1.2, 1);
  });

  test('two specks half a millimetre apart are two candidates although they touch, and their regions do not overlap', () => {
    const maps = createMaps(40, 40);
    blob(maps.malignantLike, 40, 15, 20, 0.9, 1.6);
    blob(maps.malignantLike, 40, 20, 20, 0.8, 1.6);
    const found = findCandidates(maps, at);
    expect(found.map((c) => [Math.round(c.x), Math.round(c.y)])).toEqual([
      [15, 20],
      [20, 20],
    ]);
    expect(found[0]?.box[2]).toBeLessThanOrEqual(found[1]?.box[0] ?? 0);
  });

  test('two specks two pixels apart are one candidate', () => {
    const maps = createMaps(40, 40);
    maps.benignLike[20 * 40 + 20] = 0.9;
    maps.benignLike[20 * 40 + 22] = 0.8;
    expect(findCandidates(maps, at)).toHaveLength(1);
  });

  test('a flat map does not make one region of the whole image', () => {
    const maps = createMaps(200, 200);
    maps.benignLike.fill(0.02);
    for (const c of findCandidates(maps, at)) expect(c.diameterMm).toBeLessThanOrEqual(3.1);
  });

  test('nothing is found outside the breast mask', () => {
    const maps = createMaps(60, 20);
    blob(maps.benignLike, 60, 10, 10, 0.9, 2);
    blob(maps.benignLike, 60, 50, 10, 0.99, 2);
    const breast = Uint8Array.from({ length: 1200 }, (_, i) => (i % 60 < 30 ? 1 : 0));
    const found = findCandidates(maps, { ...at, breast });
    expect(found).toHaveLength(1);
    expect(found[0]?.x).toBeCloseTo(10, 1);
  });

  test('candidates below minScore are left out, those above are all listed', () => {
    const maps = createMaps(100, 20);
    [0.9, 0.3, 0.05, 0.011, 0.009].forEach((score, i) => (maps.benignLike[10 * 100 + 10 + 20 * i] = score));
    expect(findCandidates(maps, at).map((c) => c.x)).toEqual([10, 30, 50, 70]);
    expect(findCandidates(maps, { ...at, minScore: 0.2 }).map((c) => c.x)).toEqual([10, 30]);
  });

  test('with minScore 0 every peak above 0 is listed; NaN is refused', () => {
    const maps = createMaps(20, 20);
    maps.benignLike[105] = 1e-6;
    expect(findCandidates(maps, { ...at, minScore: 0 })).toHaveLength(1);
    expect(() => findCandidates(maps, { ...at, minScore: NaN })).toThrow('minScore is NaN');
  });

  test('equal scores are ordered by y, then by x', () => {
    const maps = createMaps(60, 60);
    for (const [x, y] of [[50, 40], [10, 40], [30, 10]] as const) maps.benignLike[y * 60 + x] = 0.5; // prettier-ignore
    expect(findCandidates(maps, at).map((c) => [c.x, c.y])).toEqual([
      [30, 10],
      [10, 40],
      [50, 40],
    ]);
  });

  test('NaN in a map is an error that names the place', () => {
    const maps = createMaps(5, 5);
    maps.malignantLike[7] = NaN;
    expect(() => findCandidates(maps, at)).toThrow('(2, 1) is NaN');
  });

  test('on any map: the highest pixel leads, centres lie in their boxes and in the image, and are apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer(), (width, height, seed) => {
        const random = new Random(seed);
        const maps = createMaps(width, height);
        for (let i = 0; i < width * height; i++) maps.benignLike[i] = random.next() ** 4;
        for (let n = random.int(6); n > 0; n--) blob(maps.malignantLike, width, random.int(width), random.int(height), random.next(), 2);
        const found = findCandidates(maps, at);
        const highest = maps.benignLike.reduce((top, b, i) => Math.max(top, 1 - (1 - b) * (1 - (maps.malignantLike[i] ?? 0))), 0);
        if (highest >= 0.01) expect(found[0]?.score).toBeCloseTo(highest, 6);
        found.forEach((c, i) => {
          expect(c.x).toBeGreaterThanOrEqual(c.box[0]);
          expect(c.x).toBeLessThanOrEqual(c.box[2]);
          expect(c.y).toBeGreaterThanOrEqual(c.box[1]);
          expect(c.y).toBeLessThanOrEqual(c.box[3]);
          expect(c.box[0]).toBeGreaterThanOrEqual(-0.5);
          expect(c.box[3]).toBeLessThanOrEqual(height - 0.5);
          for (const other of found.slice(0, i)) expect(Math.hypot(c.x - other.x, c.y - other.y)).toBeGreaterThan(2.999);
        });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('a map of 8 million pixels with 3,000 specks takes less than 4 s of a core (1 s)', () => {
    const random = new Random(5);
    const maps = createMaps(2400, 3400);
    for (let n = 0; n < 3000; n++)
      blob(maps.malignantLike, 2400, random.uniform(5, 2394), random.uniform(5, 3390), random.uniform(0.05, 1), random.uniform(0.7, 3));
    const [found, seconds] = timed(() => findCandidates(maps, at));
    expect(seconds).toBeLessThan(4);
    expect(found.length).toBeGreaterThan(2500);
    expect(found.length).toBeLessThanOrEqual(3000);
  });

  test('where nothing stands out from saturated noise, 2 million pixels with 10,000 candidates take less than 6 s of a core (1.6 s)', () => {
    const random = new Random(1);
    const maps = createMaps(1200, 1700);
    for (let i = 0; i < maps.benignLike.length; i++) maps.benignLike[i] = random.uniform(0.9999, 1);
    const [found, seconds] = timed(() => findCandidates(maps, at));
    expect(seconds).toBeLessThan(6);
    expect(found.length).toBeGreaterThan(10_000);
  });
});

describe('suppressNeighbours', () => {
  test('agrees with comparing all pairs', () => {
    const random = new Random(9);
    const all = Array.from({ length: 400 }, (_, i): Candidate => {
      const [x, y] = [random.uniform(-5, 60), random.uniform(-5, 60)];
      return { x, y, box: [x, y, x, y], diameterMm: 0.1, score: 1 - i / 400, malignancy: 0, class: 'benign-like' };
    });
    const kept: Candidate[] = [];
    for (const c of all) if (kept.every((k) => (k.x - c.x) ** 2 + (k.y - c.y) ** 2 > 9)) kept.push(c);
    expect(suppressNeighbours(all, 3)).toEqual(kept);
  });
});
