import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMemory, type Lifetime } from '../../src/runtime/memory-plan.js';

const lifetimes = fc.array(
  fc
    .record({ sizeBytes: fc.integer({ min: 1, max: 4096 }), first: fc.nat(40), length: fc.nat(15) })
    .map(({ sizeBytes, first, length }): Lifetime => ({ sizeBytes, first, last: first + length })),
  { maxLength: 40 },
);

/** Bytes alive at the busiest dispatch. */
function lowerBound(list: readonly Lifetime[]): number {
  const at = (i: number): number => list.filter((l) => l.first <= i && i <= l.last).reduce((sum, l) => sum + l.sizeBytes, 0);
  return Math.max(0, ...list.map((l) => at(l.first)));
}

describe('memory plan', () => {
  it('never gives one slot to two tensors that are alive together', () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const { slotOf } = planMemory(list);
        for (const [i, a] of list.entries()) {
          for (const [j, b] of list.entries()) {
            if (i < j && slotOf[i] === slotOf[j]) expect(a.last < b.first || b.last < a.first).toBe(true);
          }
        }
      }),
    );
  });

  it('gives every tensor a slot that is large enough, between the busiest moment and one buffer each', () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const plan = planMemory(list);
        for (const [i, l] of list.entries()) expect(plan.slotBytes[plan.slotOf[i] ?? -1]).toBeGreaterThanOrEqual(l.sizeBytes);
        expect(plan.liveBytes).toBe(lowerBound(list));
        expect(plan.peakBytes).toBeGreaterThanOrEqual(plan.liveBytes);
        expect(plan.peakBytes).toBeLessThanOrEqual(plan.naiveBytes);
      }),
    );
  });

  it('reuses one slot along a chain, where only neighbours are alive together', () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ sizeBytes: 100, first: i, last: i + 1 }));
    expect(planMemory(chain)).toMatchObject({ peakBytes: 200, naiveBytes: 1000 });
  });
});
