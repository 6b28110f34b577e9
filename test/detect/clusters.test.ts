import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clusterFindings, type ClusterPoint } from '../../src/detect/clusters.js';
import { Random } from '../../src/random.js';

const point = (x: number, y: number, score = 0.9, more: Partial<ClusterPoint> = {}): ClusterPoint => ({
  x,
  y,
  box: [x - 1, y - 1, x + 1, y + 1],
  score,
  malignancy: 0,
  marked: true,
  ...more,
});

/** The definition, in O(n^3): grow groups until nothing changes. */
function slowGroups(points: readonly ClusterPoint[], [row, column]: readonly [number, number], linkMm: number): number[][] {
  const group = points.map((_, i) => i);
  for (let changed = true; changed;) {
    changed = false;
    points.forEach((a, i) => {
      points.forEach((b, j) => {
        const near = ((a.x - b.x) * column) ** 2 + ((a.y - b.y) * row) ** 2 <= linkMm ** 2;
        if (a.marked && b.marked && near && (group[i] ?? 0) > (group[j] ?? 0)) {
          group[i] = group[j] ?? 0;
          changed = true;
        }
      });
    });
  }
  return [...new Set(group)]
    .map((g) => points.flatMap((p, i) => (p.marked && group[i] === g ? [i] : [])))
    .filter((members) => members.length >= 3);
}

describe('clusterFindings', () => {
  test('two findings are no cluster, three are', () => {
    const two = [point(0, 0), point(50, 0)];
    expect(clusterFindings(two, [0.1, 0.1])).toEqual([]);
    expect(clusterFindings([...two, point(0, 50)], [0.1, 0.1])).toHaveLength(1);
  });

  test('a chain of links of exactly 10 mm holds, a longer link breaks it', () => {
    expect(clusterFindings([point(0, 0), point(100, 0), point(200, 0)], [0.1, 0.1])).toHaveLength(1);
    expect(clusterFindings([point(0, 0), point(100, 0), point(200.1, 0)], [0.1, 0.1])).toHaveLength(0);
  });

  test('rows and columns have their own spacing', () => {
    const column = [point(0, 0), point(0, 90), point(0, 180)];
    expect(clusterFindings(column, [0.1, 0.2])).toHaveLength(1);
    expect(clusterFindings(column, [0.2, 0.1])).toHaveLength(0);
    expect(clusterFindings(column, [0.1, 0.2])[0]).toMatchObject({ widthMm: 0.4, heightMm: 18.2 });
  });

  test('findings below the threshold neither count nor bridge', () => {
    const unmarked = point(100, 0, 0.1, { marked: false });
    expect(clusterFindings([point(0, 0), point(50, 0), unmarked], [0.1, 0.1])).toEqual([]);
    expect(clusterFindings([point(0, 0), point(0, 10), unmarked, point(200, 0)], [0.1, 0.1])).toEqual([]);
  });

  test('members are indices into all findings; score, malignancy, centre and box follow the documented formulas', () => {
    const findings = [
      point(30, 0, 0.9, { malignancy: 1 }),
      point(500, 900, 0.8, { marked: false }),
      point(0, 0, 0.6),
      point(30, 40, 0.5, { malignancy: 0.5 }),
      point(0, 40, 0.7),
    ];
    expect(clusterFindings(findings, [0.1, 0.1])).toEqual([
      {
        x: 15,
        y: 20,
        box: [-1, -1, 31, 41],
        widthMm: expect.closeTo(3.2) as number,
        heightMm: expect.closeTo(4.2) as number,
        members: [0, 2, 3, 4],
        score: 0.6,
        malignancy: expect.closeTo((0.9 + 0.25) / 2.7) as number,
      },
    ]);
  });

  test('agrees with the definition on random points', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer(), (count, seed) => {
        const random = new Random(seed);
        const side = random.uniform(10, 3000);
        const points = Array.from({ length: count }, () =>
          point(random.uniform(-side, side), random.uniform(0, side), random.next(), { marked: random.next() < 0.8 }),
        );
        const spacing = [random.uniform(0.04, 0.2), random.uniform(0.04, 0.2)] as const;
        const members = clusterFindings(points, spacing).map((c) => c.members);
        const byFirst = (a: readonly number[], b: readonly number[]): number => (a[0] ?? 0) - (b[0] ?? 0);
        expect(members.sort(byFirst)).toEqual(slowGroups(points, spacing, 10).sort(byFirst));
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  test('20,000 marked findings are clustered in less than 2 s', () => {
    const random = new Random(4);
    const points = Array.from({ length: 20000 }, () => point(random.uniform(0, 2400), random.uniform(0, 3400), random.next()));
    const start = performance.now();
    expect(clusterFindings(points, [0.1, 0.1])).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
