import { describe, expect, test } from 'vitest';
import { fitLogistic, logisticLogit } from '../../src/detect/logistic.js';
import { calibratedScore, calibrationFeature, uncalibratedScore } from '../../src/detect/score-calibration.js';
import { sigmoid } from '../../src/kernels/reference/logistic.js';
import { Random } from '../../src/random.js';

/** Examples whose labels are drawn from a known model. */
function drawn(count: number, bias: number, weights: readonly number[]): { rows: number[][]; labels: number[] } {
  const random = new Random(5);
  const rows = Array.from({ length: count }, () => weights.map(() => random.normal()));
  const labels = rows.map((row) => (random.next() < sigmoid(logisticLogit({ bias, weights }, row)) ? 1 : 0));
  return { rows, labels };
}

describe('logistic regression', () => {
  test('finds the model that the labels were drawn from', () => {
    const { rows, labels } = drawn(20_000, -0.7, [1.5, -0.4]);
    const { bias, weights } = fitLogistic(rows, labels, 1e-6);
    expect(bias).toBeCloseTo(-0.7, 1);
    expect(weights[0]).toBeCloseTo(1.5, 1);
    expect(weights[1]).toBeCloseTo(-0.4, 1);
  });

  test('one binary feature has the log odds of the table as its solution', () => {
    // x = 0: 3 of 10 positive; x = 1: 8 of 10.
    const rows = Array.from({ length: 20 }, (_, i) => [i < 10 ? 0 : 1]);
    const labels = rows.map((_, i) => (i % 10 < (i < 10 ? 3 : 8) ? 1 : 0));
    const { bias, weights } = fitLogistic(rows, labels, 0);
    expect(bias).toBeCloseTo(Math.log(3 / 7), 8);
    expect(weights[0]).toBeCloseTo(Math.log(8 / 2) - Math.log(3 / 7), 8);
  });

  test('separable examples stay finite, and a stronger ridge gives smaller weights', () => {
    const rows = [[-2], [-1], [1], [2]];
    const weightAt = (ridge: number): number => fitLogistic(rows, [0, 0, 1, 1], ridge).weights[0] ?? NaN;
    expect(weightAt(0.1)).toBeGreaterThan(weightAt(1));
    expect(weightAt(1)).toBeGreaterThan(0.1);
    // At the optimum the penalty's pull is the sum of the residuals times x.
    const w = weightAt(1);
    const residuals = rows.reduce((sum, [x = 0], i) => sum + ((i > 1 ? 1 : 0) - sigmoid(w * x)) * x, 0);
    expect(residuals).toBeCloseTo(w, 8);
  });

  test('whole Newton steps that would overshoot are shortened', () => {
    // Rare positives far out: from the start, the quadratic points beyond the solution.
    const rows = Array.from({ length: 5000 }, (_, i) => [i < 100 ? 6 + (i % 5) : (i % 200) / 100 - 1]);
    const labels = rows.map((_, i) => (i < 97 || i % 1000 === 999 ? 1 : 0));
    const { bias, weights } = fitLogistic(rows, labels, 1);
    const slope = rows.reduce(
      (sum, row, i) => sum + ((labels[i] ?? 0) - sigmoid(logisticLogit({ bias, weights }, row))) * (row[0] ?? 0),
      0,
    );
    expect(slope).toBeCloseTo(weights[0] ?? NaN, 5);
  });

  test('labels of one kind are refused', () => {
    expect(() => fitLogistic([[1], [2]], [1, 1], 1)).toThrow('2 of 2 labels are 1');
  });
});

describe('calibration of findings', () => {
  const calibration = { bias: -2, weights: [1.4] };

  test('keeps the order, and both ways fit together', () => {
    let last = 0;
    for (let i = 1; i < 1000; i++) {
      const peak = i / 1000;
      const score = calibratedScore(peak, calibration);
      expect(score).toBeGreaterThan(last);
      expect(uncalibratedScore(score, calibration)).toBeCloseTo(peak, 9);
      last = score;
    }
  });

  test('peaks of 0 and 1 are finite', () => {
    expect(calibrationFeature(1)).toBeCloseTo(Math.asinh(24 * Math.LN2), 6);
    expect(calibrationFeature(0)).toBeCloseTo(-Math.asinh(24 * Math.LN2), 6);
    expect([uncalibratedScore(0, calibration), uncalibratedScore(1, calibration)]).toEqual([0, 1]);
  });
});
