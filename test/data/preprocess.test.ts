import { describe, expect, test } from 'vitest';
import { createImage } from '../../src/data/image.js';
import type { Mammogram } from '../../src/data/mammogram.js';
import { DEFAULT_NORMALISATION } from '../../src/data/normalise.js';
import { preprocess } from '../../src/data/preprocess.js';
import { UserError } from '../../src/errors.js';
import { noiseImage } from './naive.js';

const grid = { pixelSpacingMm: 0.1, normalisation: DEFAULT_NORMALISATION };

function mammogram(parts: Partial<Mammogram> = {}): Mammogram {
  return {
    image: noiseImage(120, 90),
    pixelSpacingMm: [0.1, 0.1],
    bitDepth: 12,
    laterality: null,
    viewPosition: null,
    intensityDomain: 'unknown',
    burnedIn: false,
    warnings: [],
    ...parts,
  };
}

describe('preprocess', () => {
  test('brings the image to the working spacing, rows and columns apart', () => {
    const { image, breast, scale, warnings } = preprocess(mammogram({ pixelSpacingMm: [0.05, 0.2] }), grid);
    expect([image.width, image.height]).toEqual([240, 45]);
    expect(breast).toHaveLength(240 * 45);
    expect(scale).toEqual([2, 0.5]);
    expect(warnings).toEqual([]);
  });

  test('a bright speck is found where the stated scale says', () => {
    const image = createImage(400, 300);
    for (let i = 0; i < image.data.length; i++) image.data[i] = 0.3 + 0.01 * Math.sin(i);
    image.data[113 * 400 + 257] = 1;
    const { image: working, scale } = preprocess(mammogram({ image, pixelSpacingMm: [0.07, 0.05] }), grid);
    const at = working.data.indexOf(Math.max(...working.data));
    const x = ((at % working.width) + 0.5) * scale[1] - 0.5;
    const y = (Math.floor(at / working.width) + 0.5) * scale[0] - 0.5;
    expect(Math.abs(x - 257)).toBeLessThanOrEqual(scale[1]);
    expect(Math.abs(y - 113)).toBeLessThanOrEqual(scale[0]);
  });

  test('without a spacing the working spacing is assumed, with a warning', () => {
    const { scale, warnings } = preprocess(mammogram({ pixelSpacingMm: null }), grid);
    expect(scale).toEqual([1, 1]);
    expect(warnings.join()).toMatch(/No pixel spacing.*--pixel-spacing/);
  });

  test('an all-black image gives zeros, no breast and a warning', () => {
    const { image, breast, warnings } = preprocess(mammogram({ image: createImage(64, 64) }), grid);
    expect(image.data.every((v) => v === 0)).toBe(true);
    expect(breast.includes(1)).toBe(false);
    expect(warnings.join()).toMatch(/No breast was found/);
  });

  test('a spacing that would blow the image up, or shrink it to nothing, is refused', () => {
    expect(() => preprocess(mammogram({ pixelSpacingMm: [10, 10], image: createImage(4000, 3000) }), grid)).toThrow(UserError);
    expect(() => preprocess(mammogram({ pixelSpacingMm: [0.001, 0.001], image: createImage(50, 50) }), grid)).toThrow(/Check the spacing/);
  });
});
