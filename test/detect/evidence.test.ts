import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/detect/candidates.js';
import { gatherEvidence } from '../../src/detect/evidence.js';
import { malignantFeatures, scoreImage, type ScoreModel } from '../../src/detect/image-scores.js';

const candidate = (x: number, y: number, score: number, diameterMm = 0.3): Candidate => ({
  x,
  y,
  score,
  malignancy: 0.5,
  diameterMm,
  box: [x - 1, y - 1, x + 1, y + 1],
  class: 'benign-like',
});

/** Five within 4 mm, at 0.1 mm. */
const GROUP = [0, 1, 2, 3, 4].map((i) => candidate(200 + 10 * i, 200, 0.8, 0.2 + 0.05 * i));
const AREA = { width: 400, height: 400, pixelSpacingMm: 0.1 };

describe('evidence', () => {
  test('counts the expected calcifications in the densest square of 3 cm, and averages what they look like', () => {
    const evidence = gatherEvidence([...GROUP, candidate(20, 20, 0.9)], AREA);
    expect(evidence.count).toBeCloseTo(4);
    expect(evidence.density).toBeCloseTo(4 / 9); // on 9 cm2
    expect(evidence.diameterMm).toBeCloseTo(0.3);
    expect(evidence.spreadMm).toBeCloseTo(Math.SQRT2); // 0, 1, 2, 3, 4 mm
  });

  test('doubtful findings all over the square hardly widen a sure group', () => {
    const specks = Array.from({ length: 20 }, (_, i) => candidate(80 + 60 * (i % 5), 80 + 80 * Math.floor(i / 5), 0.05));
    expect(gatherEvidence([...GROUP, ...specks], AREA).spreadMm).toBeLessThan(2.5); // sqrt2 without them; with plain weights 6
  });

  test('is the same in a larger image, and at another spacing', () => {
    const once = gatherEvidence(GROUP, AREA);
    expect(gatherEvidence(GROUP, { ...AREA, width: 3000, height: 2500 })).toEqual(once);
    const finer = GROUP.map((c) => ({ ...c, x: 2 * c.x, y: 2 * c.y }));
    expect(gatherEvidence(finer, { width: 800, height: 800, pixelSpacingMm: 0.05 })).toEqual(once);
  });

  test('does not add up what lies farther apart than a group', () => {
    const scattered = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => candidate(120 + 220 * (i % 4), 120 + 220 * Math.floor(i / 4), 0.9));
    expect(gatherEvidence(scattered, { width: 1000, height: 1000, pixelSpacingMm: 0.1 }).count).toBeCloseTo(0.9);
  });

  test('a crop that ends beside the group has the same count on less area; a crop of a few mm counts as a quarter of a cm2', () => {
    const shifted = GROUP.map((c) => ({ ...c, x: c.x - 195, y: 40 }));
    const tight = gatherEvidence(shifted, { width: 50, height: 80, pixelSpacingMm: 0.1 });
    expect(tight.count).toBeCloseTo(4);
    expect(tight.density).toBeCloseTo(4 / 0.4);
    expect(gatherEvidence([candidate(5, 5, 0.5)], { width: 10, height: 10, pixelSpacingMm: 0.1 }).density).toBeCloseTo(2);
  });

  test('the area is that of the breast', () => {
    const breast = new Uint8Array(400 * 400).map((_, i) => (i % 400 < 248 ? 1 : 0)); // x < 248, a multiple of the counted blocks
    const atEdge = [candidate(200, 200, 1)];
    // The square reaches from 50 to 350; counted in blocks of 8 from 48 to 352, of which columns up to 248 are breast.
    expect(gatherEvidence(atEdge, { ...AREA, breast }).density).toBeCloseTo(1 / ((9 * 200) / 304), 5);
    expect(gatherEvidence(atEdge, AREA).density).toBeCloseTo(1 / 9);
  });

  test('nothing found is no evidence', () => {
    expect(gatherEvidence([], AREA)).toMatchObject({ density: 0, count: 0 });
  });

  test('a hopeless map of thousands of candidates takes less than a second', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => candidate((i % 160) * 16, Math.floor(i / 160) * 16, 0.3));
    const start = process.cpuUsage();
    gatherEvidence(many, { width: 2560, height: 3328, pixelSpacingMm: 0.1 });
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(1);
  });
});

describe('scores of an image', () => {
  const model: ScoreModel = {
    finding: { bias: 0, weights: [1] },
    present: { bias: 0, weights: [1] },
    malignant: { bias: 0, weights: [0.5, 0.5, -1] },
  };
  const evidence = { density: 3, count: 2, diameterMm: 0.3, spreadMm: 2.5 };

  test('malignant-like ones are a part of any, and grow with number, smallness and extent', () => {
    const { mcScore, malignancyScore } = scoreImage(evidence, [0, 0, 1], model);
    expect(mcScore).toBeCloseTo(3.1 / 4.1);
    expect(malignancyScore).toBeLessThan(mcScore);
    const more = scoreImage({ ...evidence, count: 12 }, [0, 0, 1], model);
    const smaller = scoreImage({ ...evidence, diameterMm: 0.2 }, [0, 0, 1], model);
    expect(more.malignancyScore).toBeGreaterThan(malignancyScore);
    expect(smaller.malignancyScore).toBeGreaterThan(malignancyScore);
    const odds = (p: number): number => p / (mcScore - p);
    const wider = scoreImage({ ...evidence, spreadMm: 5.5 }, [0, 0, 1], model);
    expect(odds(wider.malignancyScore)).toBeCloseTo(2 * odds(malignancyScore));
  });

  test('without calibration they are those of the class heads; without breast they are 0', () => {
    expect(scoreImage(evidence, [0, 0, 0], null).mcScore).toBeCloseTo(2 / 3);
    expect(scoreImage(evidence, [], model)).toEqual({ mcScore: 0, malignancyScore: 0 });
  });

  test('log odds beyond 8 say no more', () => {
    expect(malignantFeatures(evidence, [0, -50, 50])[0]).toBe(8);
  });
});
