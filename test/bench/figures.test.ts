import { describe, expect, it } from 'vitest';
import { compareOutputs } from '../../src/bench/compare-outputs.js';
import { readOldRun } from '../../src/bench/compare.js';
import { quantile } from '../../src/bench/measure.js';
import { rooflineSvg } from '../../src/bench/roofline-svg.js';
import { ratesOf } from '../../src/bench/row.js';
import { textTable } from '../../src/bench/table.js';
import { gpuTime, timelineOf } from '../../src/bench/timeline.js';
import { UserError } from '../../src/errors.js';
import { SOMEWHERE } from './tiny.js';

describe('figures', () => {
  it('quantiles lie between the values', () => {
    expect([0, 0.5, 0.9, 1].map((part) => quantile([4, 1, 2, 3], part))).toEqual([1, 2.5, expect.closeTo(3.7, 10) as number, 4]);
  });

  it('rates are the declared work over the time, and their shares of the lower roof', () => {
    // 2 GFLOP and 1 GB in 100 ms; the copy allows 2 * 50 = 100 GFLOP/s at this intensity, the multiply-adds 400.
    const rates = ratesOf({ flops: 2e9, bytes: 1e9 }, 100, { fmaGflops: 400, copyGbps: 50 });
    expect(rates).toMatchObject({ gflops: 20, gbps: 10, intensity: 2, shareOfPeak: 0.05, shareOfCopy: 0.2, shareOfRoof: 0.2 });
  });

  it('a timeline sums the medians of every kernel and sorts by time', () => {
    const runs = [Float64Array.of(1e6, 5e6, 3e6), Float64Array.of(1e6, 7e6, 3e6), Float64Array.of(1e6, 6e6, 90e6)];
    const profile = { names: ['relu', 'conv', 'relu'], runs, note: null };
    expect(timelineOf(profile)).toEqual([
      { kernel: 'conv', count: 1, ms: 6, share: 0.6 },
      { kernel: 'relu', count: 2, ms: 4, share: 0.4 },
    ]);
    expect(gpuTime(profile)).toMatchObject({ minMs: 9, medianMs: 11 });
  });

  it('a table leaves out columns without content', () => {
    const rows = [{ a: 'x', b: '1' }, { a: 'yy', b: '22' }]; // prettier-ignore
    const columns = [
      { title: 'name', cell: (r: { a: string }) => r.a },
      { title: 'nothing', cell: () => '' },
      { title: 'n', cell: (r: { b: string }) => r.b },
    ];
    expect(textTable(rows, columns)).toBe('name   n\nx      1\nyy    22');
  });

  it('a roofline plot holds a point for every kernel, inside its frame, with names that XML can hold', () => {
    const svg = rooflineSvg(
      [
        { name: 'conv 8->16', intensity: 18, gflops: 12 },
        { name: 'copy & scale', intensity: 0.1, gflops: 0.5 },
      ],
      { fmaGflops: 35, copyGbps: 8 },
      'here',
    );
    expect(svg).toContain('conv 8-&gt;16');
    expect(svg).toContain('copy &amp; scale');
    const centres = [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(centres).toHaveLength(2);
    for (const [x, y] of centres) {
      expect(x).toBeGreaterThan(70);
      expect(x).toBeLessThan(620);
      expect(y).toBeGreaterThan(60);
      expect(y).toBeLessThan(420);
    }
  });
});

describe('an earlier run', () => {
  const line = (change: object = {}): string => JSON.stringify({ workload: 'T', op: 'train-step', medianMs: 100, ...SOMEWHERE, ...change });

  it('of the same adapter and driver gives its times', () => {
    const old = readOldRun(`${line()}\n${JSON.stringify({ workload: 'data', op: 'sample' })}\n`, 'old.json', SOMEWHERE);
    expect([...old.medianMs]).toEqual([['T train-step', 100]]);
  });

  it.each([
    ['another adapter', { adapter: 'other' }, 'another adapter: "other", here it is "test adapter"'],
    ['another driver', { driver: 'test driver 2' }, 'another driver: "test driver 2"'],
  ])('of %s is refused with the reason', (_, change, message) => {
    const read = (): unknown => readOldRun(`${line()}\n${line(change)}`, 'old.json', SOMEWHERE);
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  });

  it.each([
    ['no rows', '{}', 'no rows of a benchmark'],
    ['something else', 'hello', 'line 1: not JSON'],
  ])('that holds %s is refused', (_, text, message) => {
    expect(() => readOldRun(text, 'old.json', SOMEWHERE)).toThrow(message);
  });
});

describe('outputs of two engines', () => {
  const arrays = (entries: Record<string, number[]>): Map<string, { shape: number[]; data: Float32Array }> =>
    new Map(Object.entries(entries).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]));

  it('differ by the largest difference over the largest value, gradients taken together', () => {
    const reference = arrays({ loss: [2], 'grad.a': [100, 0], 'grad.b': [0.001] });
    const actual = arrays({ loss: [2], 'grad.a': [99, 0], 'grad.b': [0.002] });
    expect(compareOutputs('train-step', actual, reference)).toBeCloseTo(0.01, 6);
  });

  it('are compared operation by operation', () => {
    const reference = arrays({ y: [1], 'y.a': [1], 'y.b': [4] });
    expect(compareOutputs('b', arrays({ y: [9], 'y.a': [9], 'y.b': [3] }), reference)).toBe(0.25);
    expect(compareOutputs('c', arrays({ y: [9] }), reference)).toBeNull();
  });

  it('are infinitely apart where one has NaN or another size', () => {
    expect(compareOutputs('a', arrays({ 'y.a': [NaN] }), arrays({ 'y.a': [1] }))).toBe(Infinity);
    expect(compareOutputs('a', arrays({ 'y.a': [1, 2] }), arrays({ 'y.a': [1] }))).toBe(Infinity);
  });
});
