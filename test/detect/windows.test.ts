import { describe, expect, it } from 'vitest';
import { classProbabilities, imageScores, pooledLogits } from '../../src/detect/score.js';
import { BlendedMap, planWindows } from '../../src/detect/windows.js';
import { Random } from '../../src/random.js';

const SIDE = 32;
const everywhere = (width: number, height: number): Uint8Array => new Uint8Array(width * height).fill(1);

/** How many windows hold each pixel. */
function coverage(width: number, height: number, counts: Uint8Array): Uint8Array {
  const covered = new Uint8Array(width * height);
  for (const { x, y } of planWindows({ width, height }, counts, SIDE))
    for (let v = y; v < Math.min(y + SIDE, height); v++) for (let u = x; u < Math.min(x + SIDE, width); u++) covered[v * width + u]!++;
  return covered;
}

describe('windows over an image', () => {
  it.each([
    [32, 32, 1],
    [33, 32, 2],
    [48, 48, 4],
    [100, 70, 24],
    [20, 90, 5],
    [7, 5, 1],
  ])('of %i x %i px cover it, within it where it is large enough, at most half a window apart', (width, height, windows) => {
    const places = planWindows({ width, height }, everywhere(width, height), SIDE);
    expect(places).toHaveLength(windows);
    expect(Math.min(...coverage(width, height, everywhere(width, height)))).toBeGreaterThan(0);
    for (const { x, y } of places) {
      expect(x).toBeLessThanOrEqual(Math.max(0, width - SIDE));
      expect(y).toBeLessThanOrEqual(Math.max(0, height - SIDE));
    }
    const columns = [...new Set(places.map(({ x }) => x))].sort((a, b) => a - b);
    for (const [i, x] of columns.entries()) if (i > 0) expect(x - columns[i - 1]!).toBeLessThanOrEqual(SIDE / 2);
  });

  it('hold every pixel of a breast, and none of them lies outside of it', () => {
    const [width, height] = [200, 160];
    const breast = Uint8Array.from({ length: width * height }, (_, i) =>
      Math.hypot((i % width) - 199, (Math.floor(i / width) - 70) * 2) < 90 ? 1 : 0,
    );
    const covered = coverage(width, height, breast);
    expect(breast.every((b, i) => b === 0 || covered[i]! > 0)).toBe(true);
    const places = planWindows({ width, height }, breast, SIDE);
    const holds = ({ x, y }: { x: number; y: number }): boolean => breast.some((b, i) => b === 1 && within(i % width, x) && within(Math.floor(i / width), y)); // prettier-ignore
    expect(places.every(holds)).toBe(true);
    expect(places.length).toBeLessThan(planWindows({ width, height }, everywhere(width, height), SIDE).length / 2);
  });

  it('are none where nothing counts', () => {
    expect(planWindows({ width: 64, height: 64 }, new Uint8Array(64 * 64), SIDE)).toEqual([]);
  });
});

const within = (at: number, start: number): boolean => at >= start && at < start + SIDE;

describe('blended windows', () => {
  it('are at every pixel the mean of their values, weighted by a pyramid over each window', () => {
    const [width, height] = [75, 50];
    const random = new Random(3);
    const windows = planWindows({ width, height }, everywhere(width, height), SIDE).map((place) => ({
      place,
      factor: random.next(),
      values: Float32Array.from({ length: SIDE * SIDE }, () => random.next()),
    }));
    const map = new BlendedMap({ width, height }, SIDE);
    for (const { place, values, factor } of windows) map.add(place, values, factor);
    const { data } = map.image();
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let [sum, total] = [0, 0];
        for (const { place, values, factor } of windows) {
          const [u, v] = [x - place.x, y - place.y];
          if (u < 0 || v < 0 || u >= SIDE || v >= SIDE) continue;
          // Distance to the nearest border of the window in each direction, pixel centres at halves.
          const weight = Math.min(u + 1, SIDE - u) * Math.min(v + 1, SIDE - v);
          sum += weight * factor * values[v * SIDE + u]!;
          total += weight;
        }
        expect(Math.abs(data[y * width + x]! - sum / total)).toBeLessThan(1e-6);
      }
  });

  it('keep a value that all of them have, at borders too, and drop what lies beyond a small crop', () => {
    for (const [width, height] of [
      [90, 60],
      [20, 70],
      [9, 9],
    ] as const) {
      const map = new BlendedMap({ width, height }, SIDE);
      for (const place of planWindows({ width, height }, everywhere(width, height), SIDE))
        map.add(place, new Float32Array(SIDE * SIDE).fill(0.25), 2);
      const { data } = map.image();
      expect(data).toHaveLength(width * height);
      for (const value of data) expect(value).toBeCloseTo(0.5, 6);
    }
  });

  it('are 0 where no window was', () => {
    const map = new BlendedMap({ width: 64, height: 32 }, SIDE);
    map.add({ x: 0, y: 0 }, new Float32Array(SIDE * SIDE).fill(1));
    const { data } = map.image();
    expect([data[31], data[32], data[63]]).toEqual([1, 0, 0]);
  });
});

describe('class logits of windows', () => {
  it('are pooled by how likely each window holds a microcalcification', () => {
    const windows = [
      [4, 0, -1],
      [-1, 0, 3],
      [3, 1, 1],
    ];
    const weights = windows.map((logits) => 1 - classProbabilities(logits)[0]!);
    const expected = [0, 1, 2].map((k) => windows.reduce((sum, w, i) => sum + weights[i]! * w[k]!, 0) / weights.reduce((a, b) => a + b));
    for (const [k, value] of pooledLogits(windows).entries()) expect(value).toBeCloseTo(expected[k]!, 10);
  });

  it('of one window are its own, however sure it is that there is nothing', () => {
    expect([...pooledLogits([[9, -3, 2]])].map((v) => Math.round(1e6 * v) / 1e6)).toEqual([9, -3, 2]);
    expect(
      imageScores(
        pooledLogits([
          [800, 0, 0],
          [900, 0, 0],
        ]),
      ).mcScore,
    ).toBe(0);
  });

  it('have probabilities that sum to 1 whatever their size', () => {
    expect([...classProbabilities([1000, 0, -1000])]).toEqual([1, 0, 0]);
    expect(classProbabilities([Math.log(5), Math.log(2), Math.log(3)])[1]).toBeCloseTo(0.2, 12);
  });
});
