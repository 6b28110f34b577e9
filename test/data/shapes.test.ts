import { describe, expect, test } from 'vitest';
import { centreOf, contains, edgesOf, fitShapes, pixelsOf, type Shape } from '../../src/data/shapes.js';

const square: Shape = {
  kind: 'polygon',
  points: [
    [2, 1],
    [4, 1],
    [4, 3],
    [2, 3],
  ],
};
const runs: Shape = {
  kind: 'runs',
  runs: [
    [1, 2, 3],
    [2, 2, 3],
  ],
  mask: { width: 10, height: 10 },
  scale: [1, 1],
};

describe('shapes of annotations', () => {
  const cases: [string, Shape, centre: number[], edges: number[], pixels: number][] = [
    ['point', { kind: 'point', at: [3, 2] }, [3, 2], [3, 2, 3, 2], 1],
    ['circle of radius 1', { kind: 'circle', at: [3, 2], radius: 1 }, [3, 2], [2, 1, 4, 3], 5],
    ['box', { kind: 'box', edges: [1.5, 0.5, 4.5, 3.5] }, [3, 2], [1.5, 0.5, 4.5, 3.5], 9],
    ['polygon, its outline included', square, [3, 2], [1.5, 0.5, 4.5, 3.5], 9],
    [
      'polygon of one line',
      {
        kind: 'polygon',
        points: [
          [1, 1],
          [3, 1],
          [2, 1],
        ],
      },
      [2, 1],
      [0.5, 0.5, 3.5, 1.5],
      3,
    ],
    ['runs of a mask', runs, [2.5, 1.5], [1.5, 0.5, 3.5, 2.5], 4],
  ];
  test.each(cases)('%s: centre, edges and number of pixels', (_, shape, centre, edges, pixels) => {
    expect(centreOf(shape)).toEqual(centre.map((v) => expect.closeTo(v) as number));
    expect(edgesOf(shape)).toEqual(edges);
    expect(pixelsOf(shape, 10, 8)).toHaveLength(pixels);
  });

  test('a shape smaller than a pixel still owns the nearest one', () => {
    expect(pixelsOf({ kind: 'box', edges: [2.1, 1.1, 2.4, 1.4] }, 10, 8)).toEqual([12]);
    expect(pixelsOf({ kind: 'circle', at: [-3, 20], radius: 0.2 }, 10, 8)).toEqual([70]);
  });

  test('a concave polygon does not hold its notch', () => {
    const notched: Shape = {
      kind: 'polygon',
      points: [
        [0, 0],
        [8, 0],
        [8, 8],
        [4, 2],
        [0, 8],
      ],
    };
    expect(contains(notched, 4, 1)).toBe(true);
    expect(contains(notched, 4, 5)).toBe(false);
    expect(contains(notched, 1, 5)).toBe(true);
  });
});

describe('fitShapes', () => {
  test('moves points of one pixel outside in, leaves out and counts what is further away', () => {
    const at = (x: number, y: number): Shape => ({ kind: 'point', at: [x, y] });
    const { inside, outside } = fitShapes([at(10, 7.4), at(-1.4, 0), at(12, 3), at(3, -50)], 10, 8);
    expect(inside).toEqual([at(9, 7), at(0, 0)]);
    expect(outside).toBe(2);
  });

  test('stretches a mask to an image of another size: the same place, twice the size', () => {
    const [fitted] = fitShapes([runs], 20, 30).inside;
    expect(fitted && centreOf(fitted)).toEqual([5.5, 5.5]);
    expect(fitted && edgesOf(fitted)).toEqual([3.5, 2.5, 7.5, 8.5]);
    expect(fitted && pixelsOf(fitted, 20, 30)).toHaveLength(4 * 6);
  });
});
