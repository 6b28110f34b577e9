import { expect, it } from 'vitest';
import { dataTable, measureData } from '../../src/bench/data.node.js';

it('training data is counted for one core and for the threads of the loader', async () => {
  const rows = await measureData({ patch: 32, budgetMs: 50, threads: 2 });
  expect(rows.map(({ op, threads }) => [op, threads])).toEqual([
    ['sample 32x32', 1],
    ['loader 32x32, batch 4', 2],
  ]);
  for (const { samples, samplesPerSecond, perCore, threads } of rows) {
    expect(samples).toBeGreaterThan(0);
    expect(samplesPerSecond).toBeCloseTo(perCore * threads, 6);
    expect(samplesPerSecond).toBeLessThan(1e6);
  }
  expect(dataTable(rows).split('\n')).toHaveLength(3);
});
