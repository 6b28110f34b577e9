import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { breastMask } from '../../src/data/breast-mask.js';
import { largestComponent } from '../../src/data/components.js';
import type { GrayImage } from '../../src/data/image.js';
import { createImage } from '../../src/data/image.js';
import { readMammogram } from '../../src/data/read.node.js';
import { Random } from '../../src/random.js';
import { dataPath } from './fixtures.js';

/** Half an ellipse at the left border, fat at its rim and bright inside, on a background of `level` with noise. */
function drawnBreast(width: number, height: number, level = 0): { image: GrayImage; inside: (x: number, y: number) => boolean } {
  const image = createImage(width, height);
  const random = new Random(7);
  const radius = (x: number, y: number): number => Math.hypot(x / (0.7 * width), (y - height / 2) / (0.42 * height));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const r = radius(x, y);
      const tissue = r < 1 ? 0.12 + 0.4 * (1 - r) + (x % 40 < 12 && r < 0.8 ? 0.2 : 0) : 0;
      image.data[y * width + x] = level + tissue + 0.004 * random.normal();
    }
  }
  return { image, inside: (x, y) => radius(x, y) < 1 };
}

function fill(image: GrayImage, x0: number, y0: number, width: number, height: number, value: number): void {
  for (let y = y0; y < y0 + height; y++) image.data.fill(value, y * image.width + x0, y * image.width + x0 + width);
}

/** Part of the pixels on which the mask and the drawing agree. */
function agreement(mask: Uint8Array, width: number, inside: (x: number, y: number) => boolean): number {
  return mask.filter((v, i) => (v === 1) === inside(i % width, Math.floor(i / width))).length / mask.length;
}

describe('breastMask', () => {
  test.each([
    [300, 400, 0],
    [611, 1501, 0],
    [1300, 2100, 0.05],
  ])('outlines a drawn breast of %ix%i on a background of %d', (width, height, level) => {
    const { image, inside } = drawnBreast(width, height, level);
    expect(agreement(breastMask(image), width, inside)).toBeGreaterThan(0.99);
  });

  test('drops markers, text and a thin line that touches the breast; keeps a dark hole', () => {
    const { image, inside } = drawnBreast(600, 900);
    fill(image, 500, 40, 60, 60, 1);
    for (let i = 0; i < 8; i++) fill(image, 400 + 12 * i, 840, 6, 20, 1);
    fill(image, 300, 450, 290, 1, 1);
    fill(image, 100, 400, 60, 60, 0);
    const mask = breastMask(image);
    expect(agreement(mask, 600, inside)).toBeGreaterThan(0.99);
    expect([mask[70 * 600 + 530], mask[850 * 600 + 403], mask[450 * 600 + 560], mask[430 * 600 + 130]]).toEqual([0, 0, 0, 1]);
  });

  test('a crop without background is breast all over', () => {
    const { image } = drawnBreast(400, 600);
    const crop = createImage(150, 150);
    for (let y = 0; y < 150; y++) for (let x = 0; x < 150; x++) crop.data[y * 150 + x] = image.data[(y + 225) * 400 + x] ?? 0;
    expect(breastMask(crop).every((v) => v === 1)).toBe(true);
  });

  test.each([0, 0.5, 1])('an image of the one level %d has no breast', (level) => {
    const image = createImage(40, 50);
    image.data.fill(level);
    expect(breastMask(image).includes(1)).toBe(false);
  });

  test.each([
    [1, 1],
    [1, 30],
    [2, 3],
    [17, 5],
  ])('any size is possible: %ix%i', (width, height) => {
    const { image } = drawnBreast(width, height);
    expect(breastMask(image)).toHaveLength(width * height);
  });

  const normals = dataPath('backgrounds', 'cdd-cesm');
  test.skipIf(!existsSync(normals))('on real mammograms (MCGPU_DATA) it covers what a breast covers and no black', async () => {
    for (const name of readdirSync(normals).slice(0, 12)) {
      const { image } = await readMammogram(`${normals}/${name}`);
      const mask = breastMask(image);
      const part = mask.reduce((sum, v) => sum + v, 0) / mask.length;
      const missed = image.data.filter((v, i) => v > 0.1 && mask[i] === 0).length / mask.length;
      expect([part > 0.35, part < 0.9, missed < 0.03], `${name}: ${part}, ${missed}`).toEqual([true, true, true]);
    }
  });

  test.skipIf(!existsSync(dataPath('cbis-crops', 'labels.csv')))('most film crops (MCGPU_DATA) are breast all over', async () => {
    const names = readFileSync(dataPath('manifest.csv'), 'utf8').match(/^cbis-crops\/calc_train\/[^,]*/gm) ?? [];
    const sample = names.filter((_, i) => i % 25 === 0);
    let whole = 0;
    for (const name of sample) {
      const { image } = await readMammogram(dataPath(name));
      if (breastMask(image).every((v) => v === 1)) whole++;
    }
    expect(whole / sample.length).toBeGreaterThan(0.75);
  });
});

describe('largestComponent', () => {
  test('keeps the largest of three, joined over corners', () => {
    const mask = Uint8Array.from([1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0]);
    expect([...largestComponent(mask, 4, 3)]).toEqual([0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0].map((v, i) => (i === 8 ? 0 : v)));
  });

  test('nothing stays nothing', () => {
    expect([...largestComponent(new Uint8Array(4), 2, 2)]).toEqual([0, 0, 0, 0]);
  });
});
