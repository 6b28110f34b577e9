import { describe, expect, test } from 'vitest';
import { boxBlur } from '../../src/data/box-blur.js';
import type { GrayImage } from '../../src/data/image.js';
import { createImage, cropReflect, reflectIndex } from '../../src/data/image.js';
import { DEFAULT_NORMALISATION, normalise, normaliseMarginPx } from '../../src/data/normalise.js';
import { largestDifference, noiseImage } from './naive.js';

/** Sum over the square, in float64, at every pixel: what boxBlur must equal. */
function naiveBlur(values: Float64Array, width: number, height: number, radius: number): Float64Array {
  const out = new Float64Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let dy = -radius; dy <= radius; dy++) {
        for (let dx = -radius; dx <= radius; dx++) {
          sum += values[reflectIndex(y + dy, height) * width + reflectIndex(x + dx, width)] ?? NaN;
        }
      }
      out[y * width + x] = sum / (2 * radius + 1) ** 2;
    }
  }
  return out;
}

/** The formula of `normalise`, written out with naive blurs. */
function naiveNormalise(image: GrayImage, blurRadius: number, noiseRadius: number, floor: number, clip: number): Float64Array {
  const { width, height } = image;
  let shading = Float64Array.from(image.data);
  for (let pass = 0; pass < 3; pass++) shading = Float64Array.from(naiveBlur(shading, width, height, blurRadius));
  const detail = shading.map((s, i) => (image.data[i] ?? NaN) - s);
  const noise = naiveBlur(detail.map(Math.abs), width, height, noiseRadius);
  return detail.map((d, i) => Math.min(clip, Math.max(-clip, d / (Math.sqrt(Math.PI / 2) * (noise[i] ?? NaN) + floor))));
}

const SIZES = [
  [1, 1],
  [2, 3],
  [17, 1],
  [1, 65],
  [64, 33],
] as const;

describe('boxBlur', () => {
  test.each(SIZES)('equals the naive mean on %ix%i, radius smaller and larger than the image', (width, height) => {
    const image = noiseImage(width, height);
    for (const radius of [1, 2, 7, 40]) {
      const expected = naiveBlur(Float64Array.from(image.data), width, height, radius);
      // one rounding to float32 of a mean of values below 1, twice (rows, columns)
      expect(largestDifference(boxBlur(image, radius, 1).data, expected)).toBeLessThan(2 ** -23);
    }
  });

  test('radius 0 is a copy', () => {
    const image = noiseImage(5, 4);
    const out = boxBlur(image, 0, 3);
    expect(out.data).toEqual(image.data);
    expect(out.data).not.toBe(image.data);
  });

  test('a constant stays what it is', () => {
    const image = createImage(31, 29);
    image.data.fill(0.37);
    expect(new Set(boxBlur(image, 9, 3).data)).toEqual(new Set([Math.fround(0.37)]));
  });
});

describe('normalise', () => {
  test.each(SIZES)('equals the formula in float64 on %ix%i', (width, height) => {
    const image = noiseImage(width, height, 3);
    const n = { ...DEFAULT_NORMALISATION, blurMm: 0.8, noiseMm: 1, clip: 2.5 };
    const expected = naiveNormalise(image, 4, 5, n.noiseFloor, n.clip);
    // differences of float32 intensities (2^-24 each, a few roundings) over a noise of at least the floor (1/255)
    expect(largestDifference(normalise(image, 0.1, n).data, expected)).toBeLessThan(8 * 2 ** -24 * 255);
  });

  test('does not change with the grey scale (gain and offset) where the noise is far above the floor', () => {
    const n = { ...DEFAULT_NORMALISATION, noiseFloor: 0 };
    const image = noiseImage(90, 80);
    const darker = { ...image, data: image.data.map((v) => 0.3 * v + 0.5) };
    expect(largestDifference(normalise(image, 0.1, n).data, normalise(darker, 0.1, n).data)).toBeLessThan(1e-4);
  });

  test('a crop with the stated margin is normalised as within the whole image', () => {
    const whole = noiseImage(300, 310, 5);
    const margin = normaliseMarginPx(DEFAULT_NORMALISATION, 0.1);
    expect(margin).toBe(48);
    const inside = cropReflect(normalise(whole, 0.1, DEFAULT_NORMALISATION), 100, 110, 40, 40);
    const crop = cropReflect(whole, 100 - margin, 110 - margin, 40 + 2 * margin, 40 + 2 * margin);
    const alone = cropReflect(normalise(crop, 0.1, DEFAULT_NORMALISATION), margin, margin, 40, 40);
    expect(largestDifference(inside.data, alone.data)).toBeLessThan(1e-5);
  });

  test('an even image becomes zero, whatever its level', () => {
    for (const level of [0, 0.5, 1]) {
      const image = createImage(60, 50);
      image.data.fill(level);
      expect(normalise(image, 0.1, DEFAULT_NORMALISATION).data.every((v) => v === 0)).toBe(true);
    }
  });

  test('a bright speck stands far above the noise and is limited by clip', () => {
    const image = noiseImage(200, 200);
    for (let i = 0; i < image.data.length; i++) image.data[i] = 0.3 + 0.02 * (image.data[i] ?? 0);
    for (const i of [20100, 20101, 20300, 20301]) image.data[i] = 0.9;
    const out = normalise(image, 0.1, DEFAULT_NORMALISATION);
    expect(out.data[20100]).toBe(DEFAULT_NORMALISATION.clip);
    expect(Math.abs(out.data[20150] ?? NaN)).toBeLessThan(3);
  });
});
