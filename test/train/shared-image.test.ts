import { expect, it } from 'vitest';
import { createImage, cropReflect, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { imageSource } from '../../src/synth/background.js';
import { croppable, shareImage } from '../../src/train/shared-image.js';

const noise = (width: number, height: number, levels: number): GrayImage => {
  const random = new Random(1);
  const image = createImage(width, height);
  return { ...image, data: image.data.map(() => random.int(levels) / (levels - 1)) };
};
const everywhere = (image: GrayImage): Uint8Array => new Uint8Array(image.data.length).fill(1);

it.each([
  [1, 256],
  [2, 65536],
] as const)('an image shared in %d byte(s) a pixel gives back its %d levels exactly, reflected like cropReflect', (bytes, levels) => {
  const image = noise(13, 7, levels);
  const shared = shareImage(image, everywhere(image));
  expect(shared.levels.BYTES_PER_ELEMENT).toBe(bytes);
  expect(shared.levels.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(shared.breast.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(croppable(shared).crop(-3, -9, 20, 25)).toEqual(cropReflect(image, -3, -9, 20, 25));
});

it('an image with intensities out of range or between levels is cut off and rounded', () => {
  const image: GrayImage = { width: 4, height: 1, data: new Float32Array([-0.5, 0.5, 1.5, 0.1]) };
  const { data } = croppable(shareImage(image, new Uint8Array(4))).crop(0, 0, 4, 1);
  expect(Array.from(data)).toEqual([0, expect.closeTo(0.5, 4), 1, expect.closeTo(0.1, 4)]);
});

it('a source of shared images gives the same crops as one of images in floats', () => {
  const image = noise(90, 70, 256);
  const breast = everywhere(image).map((_, i) => (i % 90 < 50 ? 1 : 0));
  const shared = shareImage(image, breast);
  const floats = imageSource([{ image, breast }]);
  const levels = imageSource([{ image: croppable(shared), breast: shared.breast }]);
  for (let seed = 0; seed < 5; seed++) expect(levels.crop(new Random(seed), 32)).toEqual(floats.crop(new Random(seed), 32));
});
