import { describe, expect, test } from 'vitest';
import {
  bestByFroc,
  boxIou,
  chooseThreshold,
  strictestPoint,
  frocCurve,
  operatingPointAt,
  ruleA,
  ruleB,
  sensitivityAt,
  type FrocImage,
} from '../../src/evaluate/froc.js';

/** An object of 4 x 4 px. */
const at = (x: number, y: number, score = 1) => ({ x, y, score, box: [x - 2, y - 2, x + 2, y + 2] as const });

describe('ruleB', () => {
  test('the best detection takes the nearest mark, the next the one that is left, a third is a duplicate', () => {
    const image: FrocImage = { marks: [at(0, 0), at(4, 0)], detections: [at(1, 0, 0.5), at(1.5, 0, 0.9), at(2, 0, 0.4), at(20, 0, 1)] };
    expect(ruleB(5)(image)).toEqual([
      { mark: 1, duplicate: false },
      { mark: 0, duplicate: false },
      { mark: null, duplicate: true },
      { mark: null, duplicate: false },
    ]);
  });

  test('the radius itself still counts', () => {
    const image: FrocImage = { marks: [at(0, 0)], detections: [at(3, 4)] };
    expect(ruleB(5)(image)[0]?.mark).toBe(0);
    expect(ruleB(4.999)(image)[0]?.mark).toBeNull();
  });
});

describe('ruleA', () => {
  test('overlap counts beyond the radius', () => {
    const far = { marks: [at(0, 0)], detections: [at(2, 0)] };
    expect(boxIou(at(0, 0), at(2, 0))).toBeCloseTo(1 / 3);
    expect(ruleA(1)(far)[0]?.mark).toBe(0);
    expect(ruleA(1, 0.4)(far)[0]?.mark).toBeNull();
    expect(ruleA(2, 0.4)(far)[0]?.mark).toBe(0);
  });

  test('boxes that do not touch, or have no area, do not overlap', () => {
    expect(boxIou(at(0, 0), at(10, 0))).toBe(0);
    expect(boxIou(at(0, 0), at(10, 10))).toBe(0);
    expect(boxIou({ box: [0, 0, 0, 0] }, { box: [0, 0, 0, 0] })).toBe(0);
  });
});

// Two images, four marks; hits at 0.9, 0.7, 0.5, false positives at 0.8, 0.6 and 0.6.
const images: FrocImage[] = [
  { marks: [at(0, 0), at(50, 0), at(90, 0)], detections: [at(0, 0, 0.9), at(200, 0, 0.8), at(50, 0, 0.5), at(300, 0, 0.6)] },
  { marks: [at(0, 0)], detections: [at(0, 0, 0.7), at(100, 0, 0.6)] },
];
const curve = frocCurve(images, ruleB(5));

describe('frocCurve', () => {
  test('has one point per distinct score', () => {
    expect(curve).toEqual({
      threshold: [0.9, 0.8, 0.7, 0.6, 0.5],
      sensitivity: [0.25, 0.25, 0.5, 0.5, 0.75],
      fpPerImage: [0, 0.5, 0.5, 1.5, 1.5],
      marks: 4,
      images: 2,
    });
  });

  test('sensitivityAt is the best at no more false positives', () => {
    expect([0, 0.49, 0.5, 1.4, 1.5, 9].map((fp) => sensitivityAt(curve, fp))).toEqual([0.25, 0.25, 0.5, 0.5, 0.75, 0.75]);
  });

  test('without marks the sensitivity is not a number, without detections it is 0', () => {
    expect(sensitivityAt(frocCurve([{ marks: [], detections: [at(0, 0)] }], ruleB(5)), 1)).toBeNaN();
    expect(sensitivityAt(frocCurve([{ marks: [at(0, 0)], detections: [] }], ruleB(5)), 1)).toBe(0);
  });
});

describe('a frozen threshold', () => {
  test('is the strictest with the highest sensitivity allowed, half way to the next score', () => {
    expect(chooseThreshold(curve, 0.5)).toEqual({ threshold: expect.closeTo(0.65) as number, sensitivity: 0.5, fpPerImage: 0.5 });
    expect(chooseThreshold(curve, 0)).toEqual({ threshold: expect.closeTo(0.85) as number, sensitivity: 0.25, fpPerImage: 0 });
    expect(chooseThreshold(curve, 5)).toEqual({ threshold: 0.5, sensitivity: 0.75, fpPerImage: 1.5 });
  });

  test('does not exist where even the best detection is one false positive too many', () => {
    const falseOnly = frocCurve([{ marks: [at(0, 0)], detections: [at(99, 0)] }], ruleB(5));
    expect(chooseThreshold(falseOnly, 0.5)).toBeNull();
    expect(strictestPoint(falseOnly)).toMatchObject({ threshold: falseOnly.threshold[0], sensitivity: 0 });
  });

  test('gives on the same images what it was chosen for, and below the lowest score everything', () => {
    const chosen = chooseThreshold(curve, 0.5);
    expect(operatingPointAt(curve, chosen?.threshold ?? NaN)).toEqual(chosen);
    expect(operatingPointAt(curve, 0.5)).toMatchObject({ sensitivity: 0.75, fpPerImage: 1.5 });
    expect(operatingPointAt(curve, 0.95)).toEqual({ threshold: 0.95, sensitivity: 0, fpPerImage: 0 });
  });
});

test('bestByFroc takes the settings with the highest sensitivity, and of equals the better around', () => {
  const detectors: Record<string, FrocImage[]> = {
    nothing: images.map(({ marks }) => ({ marks, detections: [] })),
    plain: images,
    worseAround: images.map(({ marks, detections }) => ({ marks, detections: detections.filter((d) => d.score !== 0.5) })),
  };
  const best = bestByFroc(['nothing', 'worseAround', 'plain'], (name) => detectors[name] ?? [], ruleB(5), 0.5);
  expect(best?.settings).toBe('plain');
  expect(best?.curve).toEqual(curve);
  expect(bestByFroc([], () => images, ruleB(5), 0.5)).toBeNull();
});
