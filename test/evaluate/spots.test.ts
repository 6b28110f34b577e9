import { expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { comparisonSvg, valueAt, spotStatistics } from '../../src/evaluate/spot-comparison.js';
import { measureSpots } from '../../src/evaluate/spots.js';
import { Random } from '../../src/random.js';

/** Unit noise with discs of the given radius, px, 8 high. */
function discs(radius: number, places: readonly (readonly [x: number, y: number])[]): GrayImage {
  const random = new Random(1);
  const image = createImage(128, 128);
  for (let i = 0; i < image.data.length; i++) {
    const near = places.some(([x, y]) => Math.hypot((i % 128) - x, Math.floor(i / 128) - y) <= radius);
    image.data[i] = random.normal(near ? 8 : 0, 0.5);
  }
  return image;
}

it('spots are measured as they are: number, diameter, height and distance', () => {
  const spots = measureSpots(discs(2.3, [[40, 40], [40, 60], [90, 90]]), 0.1); // prettier-ignore
  expect(spots).toHaveLength(3);
  for (const { diameterMm, height } of spots) {
    expect(Math.abs(diameterMm - 0.48)).toBeLessThan(0.08);
    expect(Math.abs(height - 8)).toBeLessThan(2);
  }
  const nearest = spots.map((s) => s.nearestMm ?? NaN).sort((a, b) => a - b);
  expect(nearest[0]).toBeCloseTo(2, 0);
  expect(nearest[2]).toBeCloseTo(5.8, 0);
});

it('noise alone has no spots, and one spot has no neighbour', () => {
  expect(measureSpots(discs(2, []), 0.1)).toEqual([]);
  expect(measureSpots(discs(2, [[64, 64]]), 0.1).map((s) => s.nearestMm)).toEqual([null]);
});

it('two sets of spots are drawn over each other, also where one has none', () => {
  const spots = measureSpots(discs(2.3, [[40, 40], [40, 60]]), 0.1); // prettier-ignore
  const statistics = spotStatistics({ name: 'a', images: [spots, []] }, { name: 'b', images: [[]] });
  expect(statistics.map(({ values }) => values.map((v) => v.length))).toEqual([[2, 0], [2, 1], [2, 0], [2, 0]]); // prettier-ignore
  const svg = comparisonSvg(statistics, ['a < b', 'none']);
  expect(svg).toContain('a &#60; b');
  expect(svg.match(/<polyline/g)).toHaveLength(8);
  expect(svg).not.toContain('NaN');
});

it('a value at a part is one of the sorted values', () => {
  expect([0, 0.5, 1].map((part) => valueAt([3, 1, 2], part))).toEqual([1, 2, 3]);
  expect(valueAt([], 0.5)).toBeNaN();
});
