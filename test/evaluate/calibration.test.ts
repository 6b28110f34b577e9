import { expect, test } from 'vitest';
import { brierScore, expectedCalibrationError, reliability } from '../../src/evaluate/calibration.js';

const ones = [1, 1, 1, 1, 1];

test('scores fall into bins that include their lower end, the last also its upper', () => {
  const bins = reliability([0, 0.1, 0.19, 0.2, 1], [0, 0, 1, 1, 1]);
  expect(bins.map(({ count }) => count)).toEqual([1, 2, 1, 0, 0, 0, 0, 0, 0, 1]);
  expect(bins[1]).toEqual({ from: 0.1, to: 0.2, count: 2, meanScore: expect.closeTo(0.145) as number, positiveShare: 0.5 });
  expect(bins[5]?.meanScore).toBeNaN();
});

test('the calibration error is the mean gap of the bins, by their cases', () => {
  // Bin 0.2: mean 0.25, share 0.5; bin 0.9: mean 0.9, share 1.
  expect(expectedCalibrationError([0.2, 0.3, 0.9], [1, 0, 1], ones)).toBeCloseTo((0.8 + 0.3 + 0.1) / 3);
  expect(expectedCalibrationError([0.21, 0.29, 0.9], [1, 0, 1], ones)).toBeCloseTo((2 * 0.25 + 0.1) / 3);
  expect(expectedCalibrationError([0.21, 0.29, 0.9], [1, 0, 1], [1, 1, 0])).toBeCloseTo(0.25);
});

test('the Brier score is the mean squared gap', () => {
  expect(brierScore([0.5, 1], [1, 0], ones)).toBeCloseTo((0.25 + 1) / 2);
  expect(brierScore([0.5, 1], [1, 0], [3, 1])).toBeCloseTo((0.75 + 1) / 4);
});
