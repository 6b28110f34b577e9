import { describe, expect, it } from 'vitest';
import { learningRate, type CosineSchedule } from '../../src/train/schedule.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';

describeGolden('the learning rate agrees with the golden schedule', () => {
  it.each(listGolden('optim', 'schedule_cosine_warmup'))('%s', (name) => {
    const golden = loadGolden(name);
    const schedule = golden.params as unknown as CosineSchedule;
    const rates = Array.from(golden.f32('out.lr'), (_, t) => learningRate(t, schedule));
    golden.expectClose('out.lr', rates);
    expect(rates).toEqual((golden.rates as number[]).map((rate) => expect.closeTo(rate, 14) as number));
  });
});

describe('learningRate', () => {
  const schedule = { base: 1, least: 0.1, warmup: 4, total: 14 };

  it('rises in equal steps to the base, falls to half way in the middle, and stays at the least after the end', () => {
    const at = [0, 3, 4, 9, 14, 1000].map((t) => learningRate(t, schedule));
    expect(at).toEqual([0.25, 1, 1, expect.closeTo(0.55, 12), 0.1, 0.1]);
  });

  it('begins at the base without a warm-up', () => {
    expect(learningRate(0, { ...schedule, warmup: 0 })).toBe(1);
  });

  it('stays at the least where the warm-up fills the whole run', () => {
    expect(learningRate(14, { ...schedule, warmup: 14 })).toBe(0.1);
  });
});
