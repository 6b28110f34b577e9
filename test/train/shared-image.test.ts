import { expect, it } from 'vitest';
import { createImage, cropReflect, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { cropShared, shareImage } from '../../src/train/shared-image.js';

const noise = (width: number, height: number, levels: number): GrayImage => {
  const random = new Random(1);
  const image = createImage(width, height);
  return { ...image, data: image.data.map(() => random.int(levels) / (levels - 1)) };
};

it.each([
  [8, 256],
  [16, 65536],
] as const)('an image shared in %d bits gives back its %d levels exactly, reflected like cropReflect', (bits, levels) => {
  const image = noise(13, 7, levels);
  const shared = shareImage(image, new Uint8Array(13 * 7).fill(1), bits);
  expect(shared.levels.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(shared.breast).toEqual(new Uint8Array(13 * 7).fill(1));
  expect(cropShared(shared, -3, -9, 20, 25)).toEqual(cropReflect(image, -3, -9, 20, 25));
});

it('an image with intensities out of range or between levels is cut off and rounded', () => {
  const image: GrayImage = { width: 4, height: 1, data: new Float32Array([-0.5, 0.5, 1.5, 0.1]) };
  const { data } = cropShared(shareImage(image, new Uint8Array(4)), 0, 0, 4, 1);
  expect(Array.from(data)).toEqual([0, expect.closeTo(0.5, 4), 1, expect.closeTo(0.1, 4)]);
});
