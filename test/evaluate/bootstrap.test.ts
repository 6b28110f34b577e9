import { describe, expect, test } from 'vitest';
import { Bootstrap, interval, pairedDifference, quantile, type Estimate } from '../../src/evaluate/bootstrap.js';
import { Random } from '../../src/random.js';

const mean =
  (values: readonly number[]) =>
  (weights: Float64Array): number =>
    values.reduce((sum, v, i) => sum + v * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);

function estimate(patients: readonly string[], statistic: (weights: Float64Array) => number, seed = 1, replicates = 2000): Estimate {
  const bootstrap = new Bootstrap(patients, { seed, replicates });
  bootstrap.add('it', statistic);
  return bootstrap.run().get('it')!;
}

describe('the bootstrap', () => {
  test('draws patients, not images: all images of one patient count alike, and as many patients are drawn as there are', () => {
    const patients = ['a', 'b', 'a', 'c', 'a', 'b'];
    let draws = 0;
    estimate(patients, (w) => {
      draws++;
      expect([w[2], w[4], w[5]]).toEqual([w[0], w[0], w[1]]);
      expect(w[0]! + w[1]! + w[3]!).toBe(3);
      return 0;
    });
    expect(draws).toBe(2001);
  });

  test('gives an interval as wide as the theory of a mean says', () => {
    const random = new Random(3);
    const values = Array.from({ length: 200 }, () => random.normal(5, 2));
    const own = estimate(
      values.map((_, i) => String(i)),
      mean(values),
    );
    const centre = values.reduce((a, b) => a + b, 0) / 200;
    const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / 200);
    expect(own.value).toBeCloseTo(centre, 12);
    const { low, high } = interval(own.replicates)!;
    // Monte-Carlo error of a 2.5 % quantile of 2,000 draws: about 0.06 standard errors.
    expect((high - low) / ((2 * 1.96 * sd) / Math.sqrt(200))).toBeCloseTo(1, 0.9);
    expect((high + low) / 2).toBeCloseTo(centre, 1);
  });

  test('gives the same draws for the same seed, others for another', () => {
    const patients = ['a', 'b', 'c', 'd'];
    const [one, same, other] = [1, 1, 2].map((seed) => estimate(patients, mean([1, 2, 3, 4]), seed, 20).replicates);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test('two images of a patient widen the interval as one would', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const single = estimate(values.map(String), mean(values));
    const doubled = estimate([...values, ...values].map(String), mean([...values, ...values]));
    expect(interval(doubled.replicates)).toEqual(interval(single.replicates));
  });

  test('refuses one name for two figures', () => {
    const bootstrap = new Bootstrap(['a'], { seed: 1, replicates: 1 });
    bootstrap.add('x', () => 0);
    expect(() => bootstrap.add('x', () => 1)).toThrow(/added twice/);
  });
});

describe('intervals', () => {
  test('quantiles are those of NumPy', () => {
    expect([0, 0.25, 0.5, 0.9, 1].map((p) => quantile([1, 2, 4, 8], p))).toEqual([1, 1.75, 3, expect.closeTo(6.8) as number, 8]);
    expect(quantile([-Infinity, -Infinity], 0.5)).toBe(-Infinity);
  });

  test('leave undefined replicates out, and do not exist where most are', () => {
    expect(interval([1, 1, NaN, 1])).toEqual({ low: 1, high: 1 });
    expect(interval([1, NaN, NaN, NaN])).toBeNull();
    expect(interval([])).toBeNull();
  });
});

describe('the paired difference', () => {
  const random = new Random(5);
  const first = Array.from({ length: 300 }, () => random.normal(0, 1));
  const patients = first.map((_, i) => String(i));
  const shifted = first.map((v) => v + 0.1 + random.normal(0, 0.1));

  test('sees a small gain that both intervals alone would hide', () => {
    const [one, two] = [estimate(patients, mean(first)), estimate(patients, mean(shifted))];
    const difference = pairedDifference(one, two)!;
    expect(interval(one.replicates)!.high).toBeGreaterThan(interval(two.replicates)!.low);
    expect(difference.low).toBeGreaterThan(0.05);
    expect(difference.p).toBeCloseTo(2 / 2001, 6);
  });

  test('is 1 likely between a model and itself, and null where undefined', () => {
    const one = estimate(patients, mean(first));
    expect(pairedDifference(one, one)).toEqual({ value: 0, low: 0, high: 0, p: 1 });
    expect(pairedDifference(one, { value: NaN, replicates: new Float64Array(2000).fill(NaN) })).toBeNull();
  });
});
