import { describe, expect, test } from 'vitest';
import type { FrocImage } from '../../src/evaluate/froc.js';
import { chooseThresholds, markingPoint } from '../../src/train/choose-thresholds.js';

const SPACING = 0.1;
/** A group of four, found at 0.8, 0.7, 0.6 and 0.5, with a false positive of 0.55 beside it. */
const group: FrocImage = {
  marks: [0, 20, 40, 60].map((x) => ({ x, y: 0 })),
  detections: [
    { x: 0, y: 0, score: 0.8 },
    { x: 20, y: 0, score: 0.7 },
    { x: 40, y: 0, score: 0.6 },
    { x: 60, y: 0, score: 0.5 },
    { x: 20, y: 20, score: 0.55 },
  ],
};
/** Nothing is drawn here; three false positives far apart. */
const normal: FrocImage = {
  marks: [],
  detections: [
    { x: 0, y: 0, score: 0.75 },
    { x: 100, y: 0, score: 0.65 },
    { x: 0, y: 100, score: 0.52 },
  ],
};
const RESULTS = [group, normal];

describe('thresholds of a model', () => {
  test('single ones by their own rate, those in groups by that of all marks', () => {
    const strict = chooseThresholds(RESULTS, SPACING, { falsePositives: 0, groupFalsePositives: 0 })!;
    expect(strict.threshold).toBeCloseTo(0.775); // half way from 0.8 to 0.75
    expect(strict.groupThreshold).toBeCloseTo(0.575); // half way from 0.6 to 0.55
    expect(strict).toMatchObject({ sensitivity: 0.75, falsePositives: 0 });
    const lenient = chooseThresholds(RESULTS, SPACING, { falsePositives: 0, groupFalsePositives: 0.5 })!;
    expect(lenient.groupThreshold).toBe(0.5); // what lies alone on the other image is still not marked
    expect(lenient).toMatchObject({ sensitivity: 1, falsePositives: 0.5 });
    expect(markingPoint(RESULTS, SPACING, lenient)).toEqual(lenient);
  });

  test('where the rate of single ones uses up that of all, groups have no lower one', () => {
    const { threshold, groupThreshold } = chooseThresholds(RESULTS, SPACING, { falsePositives: 0.5, groupFalsePositives: 0.1 })!;
    expect(groupThreshold).toBe(threshold);
  });

  test('what is excused counts for nothing; nothing found is null', () => {
    const excused = { ...normal, excused: [true, true, true] };
    expect(markingPoint([excused], SPACING, { threshold: 0.5, groupThreshold: 0.5 })).toMatchObject({ falsePositives: 0 });
    expect(
      chooseThresholds([{ marks: [{ x: 0, y: 0 }], detections: [] }], SPACING, { falsePositives: 1, groupFalsePositives: 1 }),
    ).toBeNull();
  });
});
