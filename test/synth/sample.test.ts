import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../src/data/classes.js';
import { createImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { imageSource } from '../../src/synth/background.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { insertAll } from '../../src/synth/draw-lesion.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { DEFAULT_SYNTH, type SynthConfig } from '../../src/synth/priors.js';
import { makeSample, sampleMarginPx, type Sample, synthesize } from '../../src/synth/sample.js';

const SMALL: SynthConfig = { ...DEFAULT_SYNTH, patch: 64, phantom: { ...DEFAULT_SYNTH.phantom, textures: 1 } };

function samples(config: SynthConfig, count: number, seed = 1): Sample[] {
  const source = phantomSource(config);
  return Array.from({ length: count }, (_, i) => makeSample(source, config, seed, i));
}

describe('a sample', () => {
  it('is rebuilt bit for bit from (seed, index), whatever was drawn before it', () => {
    const inOrder = samples(SMALL, 6);
    const alone = makeSample(phantomSource(SMALL), SMALL, 1, 5);
    expect(alone).toEqual(inOrder[5]);
    expect(inOrder[4]!.image.data).not.toEqual(inOrder[5]!.image.data);
    expect(makeSample(phantomSource(SMALL), SMALL, 2, 5).image.data).not.toEqual(alone.image.data);
  });

  it('lists exactly the calcifications of its masks', () => {
    for (const { mcs, masks, ignore, classIndex, distribution } of samples(SMALL, 40)) {
      for (const mc of mcs) {
        const mask = masks[mc.class === 'benign-like' ? 0 : 1];
        const reach = mc.diameterMm / SMALL.pixelSpacingMm + 3; // a rod may be longer than its circle
        expect(pixels(mask).some(({ x, y }) => Math.hypot(x - mc.x, y - mc.y) <= reach)).toBe(true);
        expect(Math.min(mc.x, mc.y)).toBeGreaterThanOrEqual(0);
        expect(Math.max(mc.x, mc.y)).toBeLessThanOrEqual(63);
      }
      for (const channel of [0, 1] as const) {
        const own = mcs.filter((mc) => mc.class === CLASSES[channel + 1]);
        expect(masks[channel].includes(1)).toBe(own.length > 0);
        for (const { x, y } of pixels(masks[channel])) {
          expect(own.some((mc) => Math.hypot(x - mc.x, y - mc.y) <= (2 * mc.diameterMm) / SMALL.pixelSpacingMm + 3)).toBe(true);
          expect(ignore[y * 64 + x]).toBe(0);
        }
      }
      expect(classIndex).toBe(Math.max(0, ...mcs.map((mc) => CLASSES.indexOf(mc.class))));
      expect(distribution === null).toBe(mcs.length === 0);
    }
  });

  it('has calcifications in the configured part of the patches, half of them malignant-like', () => {
    const tiny = { ...SMALL, patch: 32, positiveFraction: 0.6, companionFraction: 0 };
    const counts = [0, 0, 0];
    for (const { classIndex } of samples(tiny, 300)) counts[classIndex]!++;
    expect(Math.abs(counts[0]! / 300 - 0.4)).toBeLessThan(0.1);
    expect(Math.abs(counts[2]! / (counts[1]! + counts[2]!) - 0.5)).toBeLessThan(0.13);
  });

  it('differs from the same sample without its lesion only at the calcifications', () => {
    // A fixed window and no JPEG: everything after insertion works pixel by pixel.
    const plain = { ...DEMO_1, patch: 64, degrade: { ...DEMO_1.degrade, gain: [0.5, 0.5], gamma: [1, 1] } } as const;
    const source = phantomSource(plain);
    let changed = 0;
    for (let i = 0; i < 8; i++) {
      const sample = makeSample(source, plain, 3, i);
      const without = makeSample(source, { ...plain, positiveFraction: 0 }, 3, i);
      expect(without.mcs).toHaveLength(0);
      for (let p = 0; p < 64 * 64; p++) {
        if (sample.raw.data[p] === without.raw.data[p]) continue;
        changed++;
        const near = [...sample.mcs, ...cutMcs(sample)].some((mc) => Math.hypot((p % 64) - mc.x, Math.floor(p / 64) - mc.y) < 12);
        expect(near).toBe(true);
      }
    }
    expect(changed).toBeGreaterThan(50);
  });

  it('never turns bright into dark: calcifications stay brighter than their surroundings', () => {
    for (const { raw, mcs, masks } of samples({ ...SMALL, positiveFraction: 1 }, 20)) {
      if (mcs.length === 0) continue;
      const mean = (keep: (i: number) => boolean): number => {
        const kept = [...raw.data].filter((_, i) => keep(i));
        return kept.reduce((a, b) => a + b, 0) / kept.length;
      };
      const isMc = (i: number): boolean => masks[0][i] === 1 || masks[1][i] === 1;
      const isAround = (i: number): boolean => !isMc(i) && [-5, 5, -5 * 64, 5 * 64].some((d) => isMc(i + d));
      expect(mean(isMc)).toBeGreaterThan(mean(isAround));
    }
  });

  it('of an unlabelled background leaves out its bright specks, of a phantom nothing but cut calcifications', () => {
    const random = new Random(8);
    const image = createImage(400, 400);
    for (let i = 0; i < image.data.length; i++) image.data[i] = random.normal(0.4, 0.01);
    for (let y = 20; y < 400; y += 40)
      for (let x = 20; x < 400; x += 40) for (const d of [0, 1, 400, 401]) image.data[y * 400 + x + d]! += 0.2;
    const source = imageSource([{ image, breast: new Uint8Array(400 * 400).fill(1) }]);
    const none = { ...SMALL, positiveFraction: 0 };
    const ignored = makeSample(source, none, 1, 1).ignore.reduce((a, b) => a + b, 0);
    expect(ignored).toBeGreaterThan(20);
    expect(ignored).toBeLessThan(0.15 * 64 * 64);
    for (const sample of samples(none, 5)) expect(sample.ignore.includes(1)).toBe(false);
  });

  it('takes its background from a larger or smaller crop where the pixel spacing is another one, as often as told', () => {
    const asked: number[] = [];
    const inner = phantomSource(SMALL);
    const source = {
      unlabelled: false,
      crop: (random: Random, size: number) => {
        asked.push(size);
        return inner.crop(random, size);
      },
    };
    const config = { ...SMALL, background: { zoomFraction: 0.5, zoom: [0.8, 1.25] as const } };
    for (let i = 0; i < 40; i++) expect(makeSample(source, config, 1, i).image.width).toBe(64);
    const side = SMALL.patch + 2 * sampleMarginPx(SMALL);
    const others = asked.filter((size) => size !== side);
    expect(others.length).toBeGreaterThan(10);
    expect(others.length).toBeLessThan(30);
    expect(Math.min(...others)).toBeGreaterThanOrEqual(Math.round(0.8 * side));
    expect(Math.max(...others)).toBeLessThanOrEqual(Math.round(1.25 * side));
  });

  it('of raw readings, whose logarithm spans more, shows calcifications fainter by as much', () => {
    const config = { ...SMALL, positiveFraction: 1, physics: { ...SMALL.physics, leastSnr: 0 } };
    const side = SMALL.patch + 2 * sampleMarginPx(SMALL);
    const added = (domain: 'for-presentation' | 'for-processing'): number => {
      let sum = 0;
      const insert: typeof insertAll = (image, drawn, logRange) => {
        const before = image.data.slice();
        insertAll(image, drawn, logRange);
        sum = image.data.reduce((total, v, i) => total + v - before[i]!, 0);
      };
      synthesize(createImage(side, side), config, new Random(3), { domain, insert });
      return sum;
    };
    const { logRange } = config.physics;
    expect(added('for-presentation') / added('for-processing')).toBeCloseTo(logRange['for-processing'] / logRange['for-presentation'], 2);
  });

  it('says what is wrong with a background of the wrong size', () => {
    const side = SMALL.patch + 2 * sampleMarginPx(SMALL);
    expect(() => synthesize(createImage(100, 100), SMALL, new Random(1))).toThrow(`100x100, expected ${side}x${side}`);
  });
});

/** A calcification whose centre lies outside still reaches in; the ignore mask shows where. */
function cutMcs({ ignore }: Sample): { x: number; y: number }[] {
  return pixels(ignore);
}

function pixels(mask: Uint8Array): { x: number; y: number }[] {
  return [...mask].flatMap((v, i) => (v === 1 ? [{ x: i % 64, y: Math.floor(i / 64) }] : []));
}
