import { describe, expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { insertAll, projectLesion } from '../../src/synth/draw-lesion.js';
import { drawPrior, type Lesion, planLesion } from '../../src/synth/lesion.js';
import { DEFAULT_SYNTH, type Distribution, PRIORS, type SynthConfig } from '../../src/synth/priors.js';

const LOG_RANGE = 1.2;

function lesions(config: SynthConfig, count: number): Lesion[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new Random(21, i);
    return planLesion(drawPrior(config.priors, random), config, random);
  });
}

function plan(distribution: Distribution, count: number): Lesion[] {
  const priors = PRIORS.filter((p) => p.distribution === distribution);
  return lesions({ ...DEFAULT_SYNTH, priors }, count);
}

/** Largest distance between two calcifications, mm. */
function extent({ mcs }: Lesion): number {
  return Math.max(0, ...mcs.flatMap((a) => mcs.map((b) => Math.hypot(a.x - b.x, a.y - b.y))));
}

function noise(side: number, random: Random): GrayImage {
  const image = createImage(side, side);
  for (let i = 0; i < image.data.length; i++) image.data[i] = random.normal(0.4, 0.012);
  return image;
}

/** Chance that a value of b is above one of a. */
function auc(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((v) => ({ v, isB: false })), ...b.map((v) => ({ v, isB: true }))].sort((p, q) => p.v - q.v);
  const ranks = all.reduce((sum, { isB }, i) => sum + (isB ? i + 1 : 0), 0);
  return (ranks - (b.length * (b.length + 1)) / 2) / (a.length * b.length);
}

describe('the prior table', () => {
  it.each([
    ['the defaults', PRIORS],
    ['demo-1', DEMO_1.priors],
  ])('of %s sums to 1, half for each class', (_, priors) => {
    const sum = (rows: typeof priors): number => rows.reduce((total, p) => total + p.weight, 0);
    expect(sum(priors)).toBeCloseTo(1, 12);
    expect(sum(priors.filter((p) => p.class === 'malignant-like'))).toBeCloseTo(0.5, 12);
  });

  it('is drawn by its weights', () => {
    const random = new Random(5);
    const drawn = Array.from({ length: 20_000 }, () => drawPrior(PRIORS, random));
    for (const prior of PRIORS) {
      const part = drawn.filter((p) => p === prior).length / drawn.length;
      expect(Math.abs(part - prior.weight)).toBeLessThan(4 * Math.sqrt(prior.weight / drawn.length));
    }
  });
});

describe('a lesion', () => {
  it('comes in every distribution and morphology', () => {
    expect(new Set(PRIORS.map((p) => p.distribution))).toEqual(new Set(Object.keys(DEFAULT_SYNTH.extentMm)));
    expect(new Set(PRIORS.map((p) => p.morphology))).toEqual(new Set(Object.keys(DEFAULT_SYNTH.diameterMm)));
  });

  it('grouped: at least five within 1 cm', () => {
    for (const lesion of plan('grouped', 400)) {
      expect(lesion.mcs.length).toBeGreaterThanOrEqual(5);
      expect(extent(lesion)).toBeLessThanOrEqual(10);
    }
  });

  it('regional: more than most groups, over 1 cm and more', () => {
    for (const lesion of plan('regional', 60)) {
      expect(lesion.mcs.length).toBeGreaterThanOrEqual(20);
      expect(extent(lesion)).toBeGreaterThan(10);
      expect(extent(lesion)).toBeLessThanOrEqual(30);
    }
  });

  it('linear: much longer than wide', () => {
    const [low, high] = DEFAULT_SYNTH.extentMm.linear;
    const priors = PRIORS.filter((p) => p.distribution === 'linear' && p.morphology !== 'vascular');
    for (const lesion of lesions({ ...DEFAULT_SYNTH, priors }, 200)) {
      expect(extent(lesion)).toBeLessThan(high + 2);
      expect(extent(lesion)).toBeGreaterThan(low / 4);
      if (extent(lesion) > 8) expect(widthAcross(lesion)).toBeLessThan(0.45 * extent(lesion));
    }
  });

  it('diffuse: over more than a patch, everywhere alike', () => {
    const places = plan('diffuse', 40).flatMap((lesion) => lesion.mcs);
    const half = DEFAULT_SYNTH.extentMm.diffuse[0] / 2;
    expect(places.every(({ x, y }) => Math.max(Math.abs(x), Math.abs(y)) <= half)).toBe(true);
    for (const part of [0.25, 0.5, 0.75]) {
      const below = places.filter(({ x }) => x < (2 * part - 1) * half).length / places.length;
      expect(Math.abs(below - part)).toBeLessThan(0.05);
    }
  });

  it('vascular: two tracks with little between them', () => {
    const [prior] = PRIORS.filter((p) => p.morphology === 'vascular');
    const straight = { ...DEFAULT_SYNTH, vesselMm: [20, 20] as const };
    const gaps = Array.from({ length: 30 }, (_, i) => {
      const { mcs } = planLesion(prior!, straight, new Random(4, i));
      // Beside each calcification the middle of the vessel is free for at least 0.2 mm: the walls' distance less their scatter.
      const pairs = mcs.flatMap((a) => mcs.filter((b) => b !== a).map((b) => Math.hypot(a.x - b.x, a.y - b.y)));
      return pairs.filter((d) => d < 0.2).length / mcs.length;
    });
    expect(Math.max(...gaps)).toBeLessThan(0.2);
  });

  it('clumps where it is told to: nearest neighbours are nearer', () => {
    const nearest = (clumping: number): number => {
      const priors = PRIORS.filter((p) => p.distribution === 'grouped' && p.morphology === 'pleomorphic');
      const all = lesions({ ...DEFAULT_SYNTH, priors, clumping }, 60).flatMap(({ mcs }) =>
        mcs.map((a) => Math.min(...mcs.filter((b) => b !== a).map((b) => Math.hypot(a.x - b.x, a.y - b.y)))),
      );
      return all.reduce((a, b) => a + b, 0) / all.length;
    };
    expect(nearest(0.8)).toBeLessThan(0.8 * nearest(0));
  });

  it('single: one', () => {
    for (const lesion of plan('single', 20)) expect(lesion.mcs).toHaveLength(1);
  });

  it('keeps its calcifications apart, so that each is an object of its own', () => {
    for (const lesion of lesions(DEMO_1, 200)) {
      for (const [i, a] of lesion.mcs.entries()) {
        for (const b of lesion.mcs.slice(i + 1)) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(0.35);
      }
    }
  });

  it.each([
    ['the defaults', DEFAULT_SYNTH],
    ['demo-1', DEMO_1],
  ])('of %s: brightness does not tell the classes apart, neither drawn nor as imaged', (_, config) => {
    const all = lesions(config, 1500);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const of = (kind: string, value: (lesion: Lesion, i: number) => number): number[] =>
      all.flatMap((lesion, i) => (lesion.class === kind ? [value(lesion, i)] : []));
    const planned = (lesion: Lesion): number => mean(lesion.mcs.map((mc) => mc.contrast));
    const imaged = (lesion: Lesion, i: number): number => {
      const [first] = lesion.mcs; // it lies in the middle of the image; a region's others may lie outside
      const place = {
        x: 60 - 10 * first!.x,
        y: 60 - 10 * first!.y,
        mtfMm: 0.05,
        pixelSpacingMm: 0.1,
        physics: config.physics,
        logRange: LOG_RANGE,
        addedNoiseSd: 0.003,
      };
      return mean(projectLesion(noise(120, new Random(9, i)), lesion, place).map((mc) => mc.contrast));
    };
    expect(Math.abs(auc(of('benign-like', planned), of('malignant-like', planned)) - 0.5)).toBeLessThan(0.05);
    all.splice(400);
    expect(Math.abs(auc(of('benign-like', imaged), of('malignant-like', imaged)) - 0.5)).toBeLessThan(0.1);
  });
});

describe('drawing a lesion', () => {
  const place = {
    x: 60.2,
    y: 59.7,
    mtfMm: 0.05,
    pixelSpacingMm: 0.1,
    physics: DEFAULT_SYNTH.physics,
    logRange: LOG_RANGE,
    addedNoiseSd: 0,
  };
  const [lesion] = plan('grouped', 1) as [Lesion];

  it('of no contrast changes no pixel by a bit', () => {
    const image = noise(120, new Random(1));
    const before = image.data.slice();
    const nothing = { ...lesion, mcs: lesion.mcs.map((mc) => ({ ...mc, contrast: 0 })) };
    const drawn = projectLesion(image, nothing, place);
    insertAll(image, drawn, LOG_RANGE);
    expect(drawn).toHaveLength(lesion.mcs.length);
    expect(image.data).toEqual(before);
  });

  it('leaves every pixel outside the footprints as it was, bit for bit', () => {
    const image = noise(120, new Random(1));
    const before = image.data.slice();
    const drawn = projectLesion(image, lesion, place);
    expect(image.data).toEqual(before);
    insertAll(image, drawn, LOG_RANGE);
    const inside = new Set<number>();
    for (const { footprint: f } of drawn) {
      for (const [i, m] of f.thickness.entries()) if (m > 0) inside.add((f.y0 + Math.floor(i / f.width)) * 120 + f.x0 + (i % f.width));
    }
    for (let i = 0; i < before.length; i++) {
      if (inside.has(i)) expect(image.data[i]).toBeGreaterThan(before[i]!);
      else expect(image.data[i]).toBe(before[i]);
    }
  });

  it('at half the pixel spacing covers twice as many pixels each way', () => {
    const at = (pixelSpacingMm: number): number[] => {
      const side = 12 / pixelSpacingMm;
      const middle = { ...place, x: side / 2, y: side / 2, pixelSpacingMm };
      const drawn = projectLesion(noise(side, new Random(1)), lesion, middle);
      const xs = drawn.map(({ footprint }) => footprint.x);
      return [Math.max(...xs) - Math.min(...xs), ...drawn.map((mc) => mc.footprint.diameterMm)];
    };
    const [wide, ...diameters] = at(0.1);
    const [wider, ...finer] = at(0.05);
    expect(wider! / wide!).toBeCloseTo(2, 1);
    for (const [i, d] of diameters.entries()) expect(Math.abs(d - finer[i]!)).toBeLessThan(0.06);
  });

  it('is fainter in dense tissue', () => {
    const on = (level: number): number => {
      const flat = { ...createImage(120, 120), data: new Float32Array(120 * 120).fill(level) };
      return projectLesion(flat, lesion, place)[0]!.contrast;
    };
    expect(on(0.9) / on(0)).toBeCloseTo(1 - 0.9 * DEFAULT_SYNTH.physics.denseLoss, 5);
  });
});

/** Extent across the line between the two farthest calcifications, mm. */
function widthAcross({ mcs }: Lesion): number {
  const pairs = mcs.flatMap((a) => mcs.map((b) => ({ a, b, d: Math.hypot(a.x - b.x, a.y - b.y) })));
  const { a, b, d } = pairs.reduce((far, pair) => (pair.d > far.d ? pair : far));
  const across = mcs.map((mc) => ((mc.x - a.x) * (b.y - a.y) - (mc.y - a.y) * (b.x - a.x)) / d);
  return Math.max(...across) - Math.min(...across);
}
