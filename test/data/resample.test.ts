import { describe, expect, test } from 'vitest';
import { createImage } from '../../src/data/image.js';
import { resample } from '../../src/data/resample.js';
import { largestDifference, noiseImage } from './naive.js';

/** One axis, one output value, from the definition: area average when shrinking, linear between centres when growing. */
function naiveSample(values: readonly number[], i: number, scale: number): number {
  const n = values.length;
  const at = (k: number): number => values[Math.min(Math.max(k, 0), n - 1)] ?? NaN;
  if (scale >= 1) {
    const x = Math.min(Math.max((i + 0.5) / scale - 0.5, 0), n - 1);
    const f = x - Math.floor(x);
    return (1 - f) * at(Math.floor(x)) + f * at(Math.floor(x) + 1);
  }
  const end = Math.min((i + 1) / scale, n);
  const start = Math.min(i / scale, end - 0.5);
  let sum = 0;
  for (let k = 0; k < n; k++) sum += at(k) * Math.max(0, Math.min(end, k + 1) - Math.max(start, k));
  return sum / (end - start);
}

function naiveResample(values: Float32Array, width: number, height: number, scaleY: number, scaleX: number): number[] {
  const outWidth = Math.max(1, Math.round(width * scaleX));
  const outHeight = Math.max(1, Math.round(height * scaleY));
  const rows = Array.from({ length: height }, (_, y) => {
    const row = Array.from(values.slice(y * width, (y + 1) * width));
    return Array.from({ length: outWidth }, (_, x) => naiveSample(row, x, scaleX));
  });
  return Array.from({ length: outHeight * outWidth }, (_, i) => {
    const x = i % outWidth;
    const column = rows.map((row) => row[x] ?? NaN);
    return naiveSample(column, Math.floor(i / outWidth), scaleY);
  });
}

describe('resample', () => {
  const sizes = [
    [1, 1],
    [2, 1],
    [1, 7],
    [17, 23],
    [64, 5],
  ] as const;
  const scales = [
    [0.45, 0.45],
    [0.07 / 0.1, 0.07 / 0.1],
    [1.37, 1.37],
    [2, 0.3],
    [0.01, 3],
    [0.999, 1.001],
  ] as const;
  test.each(sizes)('equals the definition in float64 on %ix%i, for every pair of scales', (width, height) => {
    const image = noiseImage(width, height);
    for (const [scaleY, scaleX] of scales) {
      const expected = naiveResample(image.data, width, height, scaleY, scaleX);
      expect(largestDifference(resample(image, scaleY, scaleX).data, expected)).toBeLessThan(2 ** -22);
    }
  });

  test('scale 1 is the image itself, and so is a second resampling by 1', () => {
    const image = noiseImage(7, 9);
    expect(resample(resample(image, 1, 1), 1, 1)).toBe(image);
  });

  test('an even image stays even', () => {
    const image = createImage(33, 21);
    image.data.fill(0.25);
    for (const scale of [0.3, 0.77, 1.5, 4]) {
      expect(
        largestDifference(resample(image, scale, scale).data, new Float32Array(Math.round(33 * scale) * Math.round(21 * scale)).fill(0.25)),
      ).toBeLessThan(1e-7);
    }
  });

  test('halving averages 2x2 pixels, so that a one-pixel speck keeps a quarter of its contrast wherever it lies', () => {
    for (let i = 0; i < 64; i++) {
      const image = createImage(8, 8);
      image.data[i] = 1;
      const out = resample(image, 0.5, 0.5);
      expect(Math.max(...out.data)).toBeCloseTo(0.25, 6);
      expect(out.data.indexOf(Math.max(...out.data))).toBe(Math.floor(i / 16) * 4 + Math.floor((i % 8) / 2));
    }
  });

  test('a position p in the input is found at (p + 0.5) * scale - 0.5 in the output', () => {
    const ramp = createImage(100, 1);
    for (let x = 0; x < 100; x++) ramp.data[x] = x;
    for (const scale of [0.45, 0.7, 1.6]) {
      const out = resample(ramp, 1, scale);
      // averaging pixels as even squares moves a ramp by at most 1/8 px at each cut end; linear interpolation not at all
      const tolerance = scale < 1 ? 0.25 * scale : 1e-4;
      for (let x = 5; x < out.width - 5; x++) {
        expect(Math.abs((out.data[x] ?? NaN) - ((x + 0.5) / scale - 0.5))).toBeLessThan(tolerance);
      }
    }
  });

  test('a scale that is no positive number is refused', () => {
    for (const scale of [0, -1, NaN, Infinity]) expect(() => resample(noiseImage(3, 3), scale, 1)).toThrow(RangeError);
  });
});
