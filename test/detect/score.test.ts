import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fusedLogits, headLogits, imageScores, mergeSums, pooledFeatures, type PooledSums } from '../../src/detect/score.js';
import { ATTENTION_EPS } from '../../src/kernels/attention-pool.js';
import { planTiles } from '../../src/detect/tiles.js';
import { Random } from '../../src/random.js';

const CHANNELS = 3;

/** Sums over a rectangle of made-up attention and features that depend only on the place. */
function sumsOver(x0: number, y0: number, width: number, height: number, seed: number): PooledSums {
  const weighted = new Float64Array(CHANNELS);
  let weight = 0;
  for (let y = y0; y < y0 + height; y++)
    for (let x = x0; x < x0 + width; x++) {
      const random = new Random(seed, x, y);
      const a = random.next();
      weight += a;
      for (let c = 0; c < CHANNELS; c++) weighted[c] = (weighted[c] ?? 0) + a * random.normal();
    }
  return { weighted, weight: [weight] };
}

const head = { weight: [1, -2, 0.5, 0.3, 0.7, -1, 2, 0.1, 0.4], bias: [0.1, -0.2, 0.3] };

describe('image scores', () => {
  test('pooled features do not depend on how the image was cut into tiles', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 3, max: 6 }),
        (width, height, n) => {
          const plan = planTiles({ width, height, tile: 16 * n, halo: 16 });
          const whole = sumsOver(0, 0, plan.width, plan.height, n);
          const tiles = plan.tiles.map(({ core }) => sumsOver(core.x, core.y, core.width, core.height, n));
          const [untiled, tiled] = [whole, mergeSums(tiles)].map((sums) => fusedLogits([{ sums, head }]));
          tiled?.forEach((logit, k) => expect(logit).toBeCloseTo(untiled?.[k] ?? NaN, 10));
        },
      ),
      { numRuns: 20, seed: 3 },
    );
  });

  test('sums are not means: a large and a small tile weigh by their attention', () => {
    const merged = mergeSums([
      { weighted: [30, 60], weight: [3] },
      { weighted: [2, 0], weight: [1] },
    ]);
    expect([...pooledFeatures(merged, 0)]).toEqual([8, 15]);
  });

  test('the scores do not depend on the size of the image: the same image twice gives the same features', () => {
    const once = sumsOver(0, 0, 8, 8, 1);
    expect([...pooledFeatures(mergeSums([once, once]), 0)]).toEqual([...pooledFeatures(once, 0)]);
  });

  test('several attentions each divide their own part', () => {
    expect([...pooledFeatures({ weighted: [2, 4, 30, 60], weight: [2, 10] }, 0)]).toEqual([1, 2, 3, 6]);
  });

  test('the sum of attention is enlarged by eps, one pixel as in training', () => {
    expect(ATTENTION_EPS).toBe(1);
    expect([...pooledFeatures({ weighted: [6, 9], weight: [2] })]).toEqual([2, 3]);
    expect([...pooledFeatures({ weighted: [6, 9], weight: [2] }, 4)]).toEqual([1, 1.5]);
  });

  test('attention that is nowhere gives zero features, not NaN', () => {
    expect([...pooledFeatures({ weighted: [0, 0], weight: [0] }, 0)]).toEqual([0, 0]);
    expect([...pooledFeatures({ weighted: [0, 0], weight: [0] })]).toEqual([0, 0]);
  });

  test('logits are weight times features plus bias, summed over the scales', () => {
    expect([...headLogits([1, 2, 3], head)]).toEqual([expect.closeTo(-1.4), expect.closeTo(-1.5), expect.closeTo(3.7)]);
    const sums: PooledSums = { weighted: [3, 6, 9], weight: [2] };
    expect(fusedLogits([{ sums, head }, { sums, head }])[2]).toBeCloseTo(7.4); // prettier-ignore
  });

  test('mcScore is 1 - P(none) and malignancyScore P(malignant-like) of the softmax', () => {
    const { mcScore, malignancyScore } = imageScores([Math.log(5), Math.log(2), Math.log(3)]);
    expect(mcScore).toBeCloseTo(0.5);
    expect(malignancyScore).toBeCloseTo(0.3);
  });

  test('huge logits give 0 or 1, never NaN, and a tiny mcScore is kept', () => {
    expect(imageScores([1000, -1000, 0])).toEqual({ mcScore: 0, malignancyScore: 0 });
    expect(imageScores([-1000, 0, 2000])).toEqual({ mcScore: 1, malignancyScore: 1 });
    expect(imageScores([40, 0, -Infinity]).mcScore).toBeCloseTo(Math.exp(-40), 25);
  });

  test('wrong lengths are errors', () => {
    expect(() => imageScores([1, 2])).toThrow('2 logits');
    expect(() => headLogits([1, 2], head)).toThrow('expected 3 x 2');
    expect(() => pooledFeatures({ weighted: [1, 2, 3], weight: [1, 1] })).toThrow('do not split');
    expect(() => mergeSums([{ weighted: [1], weight: [1] }, { weighted: [1, 2], weight: [1] }])).toThrow('expected equal'); // prettier-ignore
  });
});
