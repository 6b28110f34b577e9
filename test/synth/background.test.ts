import { describe, expect, it } from 'vitest';
import { createImage, cropReflect } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { imageSource, turned } from '../../src/synth/background.js';

describe('crops of real images', () => {
  const image = createImage(300, 200);
  for (let i = 0; i < image.data.length; i++) image.data[i] = i % 300 < 150 ? 0.5 : 0;
  const breast = image.data.map((v) => (v > 0 ? 1 : 0));
  const half = { image, breast: Uint8Array.from(breast) };

  it('lie at least 90 % inside the breast', () => {
    const source = imageSource([half]);
    for (let i = 0; i < 50; i++) {
      const inside = source.crop(new Random(1, i), 80).data.filter((v) => v > 0.25).length;
      expect(inside / 6400).toBeGreaterThan(0.85); // 90 %, counted in blocks of 8 px
    }
  });

  it('differ from the image by less than half a grey level of 8 bits, so that no gap between levels betrays an insertion', () => {
    const values = imageSource([half])
      .crop(new Random(1), 80)
      .data.filter((v) => v > 0.25);
    for (const v of values) expect(Math.abs(v - 0.5)).toBeLessThanOrEqual(0.5 / 255 + 1e-7);
    expect(new Set(values).size).toBeGreaterThan(1000);
  });

  it('of a breast smaller than the crop take the best place, reflected at the border', () => {
    const { width, data } = imageSource([half]).crop(new Random(1), 256);
    expect(width).toBe(256);
    expect(data.filter((v) => v > 0.25).length / data.length).toBeGreaterThan(0.4);
  });

  it('may come from memory that is not float', () => {
    const asked: number[] = [];
    const lazy = {
      width: 300,
      height: 200,
      crop: (x: number, y: number, w: number, h: number) => {
        asked.push(w, h);
        return cropReflect(image, x, y, w, h);
      },
    };
    const crop = imageSource([{ ...half, image: lazy }]).crop(new Random(1, 3), 80);
    expect(asked).toEqual([80, 80]);
    expect(crop).toEqual(imageSource([half]).crop(new Random(1, 3), 80));
  });

  it('say what the intensities of their image stand for', () => {
    const source = imageSource([{ ...half, domain: 'for-processing' }]);
    expect(source.crop(new Random(1), 80).domain).toBe('for-processing');
  });

  it('need at least one image', () => {
    expect(() => imageSource([])).toThrow('no images');
  });
});

describe('orientations', () => {
  it('are eight different ones, each with the same pixels', () => {
    const image = createImage(3, 3);
    image.data.set([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const all = Array.from({ length: 8 }, (_, way) => [...turned(image, way).data]);
    expect(new Set(all.map(String)).size).toBe(8);
    for (const data of all) expect([...data].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(all[0]).toEqual([...image.data]);
  });
});
