import { describe, expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { degradeLevels, degradeSharpness } from '../../src/synth/degrade.js';
import { gaussianBlur } from '../../src/synth/gaussian.js';
import { jpegQuantise } from '../../src/synth/jpeg.js';
import { addDetectorNegatives, addTissueNegatives } from '../../src/synth/negatives.js';
import { DEFAULT_SYNTH, type NegativesConfig } from '../../src/synth/priors.js';
import { suspiciousSpots } from '../../src/synth/suspicious.js';

const QUIET: NegativesConfig = {
  ...DEFAULT_SYNTH.negatives,
  hotPixels: [0, 0],
  vessels: 0,
  blobs: 0,
  scratches: 0,
  dust: 0,
  skinFolds: 0,
  clips: 0,
  markers: 0,
  jpegBlocks: 0,
};

function ramp(side: number): GrayImage {
  return { ...createImage(side, side), data: Float32Array.from({ length: side * side }, (_, i) => 0.1 + (0.8 * (i % side)) / side) };
}

function noisy(side: number, sd = 0.01): GrayImage {
  const random = new Random(3);
  return { ...createImage(side, side), data: Float32Array.from({ length: side * side }, () => random.normal(0.4, sd)) };
}

describe('degradation', () => {
  it('never turns bright into dark, stays within 0..1 and on the levels of its bit depth', () => {
    for (let i = 0; i < 20; i++) {
      const image = ramp(64);
      degradeLevels(
        image,
        { ...DEFAULT_SYNTH.degrade, bits: [8], noise: [1e-6, 1e-5], jpegFraction: 0, rawFraction: 0 },
        0.9,
        new Random(7, i),
      );
      for (let x = 1; x < 64; x++) expect(image.data[x]).toBeGreaterThanOrEqual(image.data[x - 1]!);
      expect(image.data[63]).toBeGreaterThan(image.data[0]! + 0.2);
      for (const v of image.data) {
        expect(Math.abs(255 * v - Math.round(255 * v))).toBeLessThan(1e-4);
        expect(v).toBeGreaterThanOrEqual(0);
        expect(v).toBeLessThanOrEqual(1);
      }
    }
  });

  it('gives a bright pixel in the same background no say over the others: what was inserted must not dim its surroundings', () => {
    for (let i = 0; i < 20; i++) {
      const [without, inserted] = [ramp(64), ramp(64)];
      inserted.data[2080]! += 0.5;
      const degrade = { ...DEFAULT_SYNTH.degrade, jpegFraction: 0 };
      for (const image of [without, inserted]) degradeLevels(image, degrade, 0.9, new Random(8, i));
      inserted.data[2080] = without.data[2080]!;
      expect(inserted.data).toEqual(without.data);
    }
  });

  it('film bends the scale: steepest in the middle, still never falling', () => {
    const image = ramp(64);
    const steady = { gamma: [1, 1], gain: [1, 1], offset: [0, 0], noise: [1e-7, 1e-6], headroom: 0.1 } as const;
    const film = { filmFraction: 1, filmSlope: [6, 6], filmCentre: [0.5, 0.5], rawFraction: 0, jpegFraction: 0, bits: [14] } as const;
    degradeLevels(image, { ...DEFAULT_SYNTH.degrade, ...steady, ...film }, 0.9, new Random(1));
    const step = (x: number): number => image.data[x + 1]! - image.data[x]!;
    expect(step(32)).toBeGreaterThan(1.8 * step(3));
    expect(step(32)).toBeGreaterThan(1.8 * step(60));
    for (let x = 0; x < 63; x++) expect(step(x)).toBeGreaterThanOrEqual(0);
  });

  it('raw readings leave tissue a part of the grey levels', () => {
    for (let i = 0; i < 10; i++) {
      const image = ramp(64);
      const raw = { ...DEFAULT_SYNTH.degrade, rawFraction: 1, rawRange: [0.3, 0.3], jpegFraction: 0, noise: [1e-7, 1e-6] } as const;
      degradeLevels(image, raw, 0.9, new Random(5, i));
      const row = image.data.subarray(0, 64);
      expect(Math.max(...row) - Math.min(...row)).toBeLessThan(0.31);
      expect(row[63]).toBeGreaterThan(row[0]!);
    }
  });

  it('sharpening overshoots at an edge and keeps flat ground', () => {
    const image = createImage(40, 40);
    for (let i = 0; i < image.data.length; i++) image.data[i] = i % 40 < 20 ? 0.3 : 0.5;
    const degrade = { ...DEFAULT_SYNTH.degrade, blurFraction: 0, sharpenFraction: 1, sharpenAmount: [1, 1] } as const;
    const { data } = degradeSharpness(image, degrade, new Random(1));
    expect(data[20 * 40 + 5]).toBeCloseTo(0.3, 6);
    expect(data[20 * 40 + 19]).toBeLessThan(0.28);
    expect(data[20 * 40 + 20]).toBeGreaterThan(0.52);
  });

  it('keeps the brightest pixel below saturation', () => {
    const image = ramp(64);
    degradeLevels(
      image,
      { ...DEFAULT_SYNTH.degrade, gain: [3, 3], offset: [0.1, 0.1], noise: [1e-6, 1e-5], jpegFraction: 0 },
      0.9,
      new Random(1),
    );
    expect(new Set(image.data).size).toBeGreaterThan(60);
  });

  it('JPEG of quality 100 changes at most by rounding, of quality 20 visibly, and both keep the mean', () => {
    const error = (quality: number): number => {
      const image = noisy(64, 0.05);
      const before = image.data.slice();
      jpegQuantise(image, quality, new Random(2));
      const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;
      expect(Math.abs(mean(image.data) - mean(before))).toBeLessThan(2 / 255);
      return Math.max(...image.data.map((v, i) => Math.abs(v - before[i]!)));
    };
    expect(error(100)).toBeLessThan(4 / 255); // 64 coefficients, each rounded by at most half a step of 1/255
    expect(error(20)).toBeGreaterThan(20 / 255);
  });

  it('a Gaussian blur keeps the sum of a spot and spreads it by the stated SD', () => {
    const image = createImage(41, 41);
    image.data[20 * 41 + 20] = 1;
    const { data } = gaussianBlur(image, 2);
    let [sum, second] = [0, 0];
    for (const [i, v] of data.entries()) {
      sum += v;
      second += v * ((i % 41) - 20) ** 2;
    }
    expect(sum).toBeCloseTo(1, 5);
    expect(Math.sqrt(second)).toBeCloseTo(2, 1);
  });
});

describe('hard negatives', () => {
  it('hot pixels are one or two pixels wide and as many as asked for', () => {
    let count = 0;
    for (let i = 0; i < 50; i++) {
      const image = createImage(200, 200); // 4 cm2
      addDetectorNegatives(image, { ...QUIET, hotPixels: [3, 3] }, 0.1, new Random(4, i));
      const lit = image.data.reduce((n, v) => n + (v > 0 ? 1 : 0), 0);
      count += lit / 1.2; // one in five is a pair
    }
    expect(Math.abs(count / 50 - 12)).toBeLessThan(2);
  });

  it.each(['vessels', 'blobs', 'clips', 'markers'] as const)('%s only brighten, smoothly', (kind) => {
    const image = createImage(224, 224);
    addTissueNegatives(image, { ...QUIET, [kind]: 2 }, 0.1, new Random(5));
    expect(Math.min(...image.data)).toBe(0);
    expect(Math.max(...image.data)).toBeGreaterThan(0.02);
    const steepest = Math.max(...image.data.map((v, i) => (i % 224 === 0 ? 0 : Math.abs(v - image.data[i - 1]!))));
    expect(steepest).toBeLessThan(0.7 * Math.max(...image.data));
  });

  it('skin folds have a bright band with a dark edge', () => {
    const image = createImage(224, 224);
    addTissueNegatives(image, { ...QUIET, skinFolds: 1 }, 0.1, new Random(5));
    expect(Math.max(...image.data)).toBeGreaterThan(0.02);
    expect(Math.min(...image.data)).toBeLessThan(-0.005);
  });

  it('metal is brighter than any tissue and thin', () => {
    const image = createImage(224, 224);
    addTissueNegatives(image, { ...QUIET, clips: 1 }, 0.1, new Random(6));
    const bright = image.data.reduce((n, v) => n + (v > 0.2 ? 1 : 0), 0);
    expect(Math.max(...image.data)).toBeGreaterThan(DEFAULT_SYNTH.negatives.metalStep[0] * 0.8);
    expect(bright).toBeGreaterThan(20);
    expect(bright).toBeLessThan(0.05 * image.data.length);
  });

  it('JPEG blocks lie on one grid of 8x8 px', () => {
    const image = createImage(224, 224);
    addDetectorNegatives(image, { ...QUIET, jpegBlocks: 5 }, 0.1, new Random(5));
    const columns = new Set([...image.data].flatMap((v, i) => (v !== 0 ? [i % 224] : [])));
    const starts = [...columns].filter((x) => !columns.has(x - 1));
    expect(starts.length).toBeGreaterThan(2);
    expect(new Set(starts.map((x) => x % 8)).size).toBe(1);
  });

  it('are left out where none are asked for', () => {
    const image = createImage(224, 224);
    addTissueNegatives(image, QUIET, 0.1, new Random(5));
    addDetectorNegatives(image, QUIET, 0.1, new Random(5));
    expect(image.data.every((v) => v === 0)).toBe(true);
  });
});

describe('suspicious spots', () => {
  it('are bright round specks, not lines and not noise', () => {
    const image = noisy(128);
    const before = suspiciousSpots(image, 0.1, DEFAULT_SYNTH.suspicious).reduce((a, b) => a + b, 0);
    expect(before).toBeLessThan(100);
    for (let x = 10; x < 118; x++) for (const y of [90, 91, 92]) image.data[y * 128 + x]! += 0.15;
    for (const d of [0, 1, 128, 129]) image.data[40 * 128 + 64 + d]! += 0.15;
    const spots = suspiciousSpots(image, 0.1, DEFAULT_SYNTH.suspicious);
    expect(spots[40 * 128 + 64]).toBe(1);
    const onLine = Array.from({ length: 80 }, (_, i) => spots[91 * 128 + 24 + i]!).reduce((a, b) => a + b, 0);
    expect(onLine).toBeLessThan(25);
  });
});
