import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createImage } from '../../src/data/image.js';
import { NOTICE, type Finding, type ImageFindings } from '../../src/detect/findings.js';
import { mapOnOriginalGrid } from '../../src/detect/maps.js';
import { eachTextPixel, hasGlyph, textWidth } from '../../src/detect/overlay-font.js';
import { writePicture, writeProbabilityMap } from '../../src/detect/overlay.node.js';
import type { Picture } from '../../src/detect/canvas.js';
import { drawOverlay } from '../../src/detect/overlay.js';

const finding = (x: number, y: number, more: Partial<Finding> = {}): Finding => ({
  x,
  y,
  box: [x - 2, y - 2, x + 2, y + 2],
  diameterMm: 0.4,
  score: 0.9,
  malignancy: 1,
  class: 'malignant-like',
  marked: true,
  ...more,
});

const found = (width: number, height: number, more: Partial<ImageFindings> = {}): ImageFindings => ({
  file: 'SECRET-NAME.png',
  width,
  height,
  pixelSpacingMm: [0.1, 0.1],
  mcScore: 0.5,
  malignancyScore: 0.25,
  findings: [],
  clusters: [],
  warnings: [],
  ...more,
});

const isColoured = ({ rgb, width }: Picture, x: number, y: number): boolean => {
  const at = (y * width + x) * 3;
  return rgb[at] !== rgb[at + 1] || rgb[at + 1] !== rgb[at + 2];
};

/** Bounds of the coloured pixels in the upper part of a picture. */
function colouredBounds(picture: Picture, height: number): [number, number, number, number] {
  const bounds: [number, number, number, number] = [Infinity, Infinity, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < picture.width; x++)
      if (isColoured(picture, x, y)) {
        bounds[0] = Math.min(bounds[0], x);
        bounds[1] = Math.min(bounds[1], y);
        bounds[2] = Math.max(bounds[2], x);
        bounds[3] = Math.max(bounds[3], y);
      }
  return bounds;
}

describe('drawOverlay', () => {
  test('a marked finding gets a ring around it that leaves its own pixels alone, an unmarked one nothing', () => {
    const image = createImage(700, 600);
    image.data.fill(0.5);
    const picture = drawOverlay(image, found(700, 600, { findings: [finding(300, 200), finding(500, 400, { marked: false })] }));
    const [x0, y0, x1, y1] = colouredBounds(picture, 600);
    expect([(x0 + x1) / 2, (y0 + y1) / 2]).toEqual([300, 200]);
    expect(x1 - x0).toBeGreaterThanOrEqual(10);
    expect(x1 - x0).toBeLessThanOrEqual(14);
    for (let y = 198; y <= 202; y++) for (let x = 298; x <= 302; x++) expect(isColoured(picture, x, y)).toBe(false);
    expect(picture.rgb[0]).toBe(128);
  });

  test('the two classes have different colours', () => {
    const image = createImage(600, 600);
    const ring = (c: Finding['class']) => drawOverlay(image, found(600, 600, { findings: [finding(300, 300, { class: c })] })).rgb;
    expect(ring('benign-like')).not.toEqual(ring('malignant-like'));
  });

  test('a large image is scaled down and its marks move with it', () => {
    const picture = drawOverlay(createImage(3000, 2000), found(3000, 2000, { findings: [finding(1500, 900)] }), { maxSidePx: 1000 });
    const [x0, y0, x1, y1] = colouredBounds(picture, 660);
    expect(picture.width).toBe(1000);
    expect(Math.abs((x0 + x1) / 2 - 500)).toBeLessThanOrEqual(0.5);
    expect(Math.abs((y0 + y1) / 2 - 300)).toBeLessThanOrEqual(0.5);
  });

  test('a small patch is enlarged by a whole number', () => {
    const image = createImage(128, 128);
    image.data[0] = 1;
    const picture = drawOverlay(image, found(128, 128));
    expect(picture.width).toBe(512);
    expect([3, 4].map((x) => picture.rgb[(3 * picture.width + x) * 3])).toEqual([255, 0]);
  });

  test('a cluster gets a frame around its box', () => {
    const cluster = { x: 300, y: 300, box: [250, 260, 350, 340] as [number, number, number, number], widthMm: 10, heightMm: 8 };
    const picture = drawOverlay(
      createImage(600, 600),
      found(600, 600, { clusters: [{ ...cluster, members: [0, 1, 2], score: 0.5, malignancy: 0 }] }),
    );
    const [x0, y0, x1, y1] = colouredBounds(picture, 600);
    expect(x0).toBeLessThan(250);
    expect(y0).toBeLessThan(260);
    expect(x1).toBeGreaterThan(350);
    expect(y1).toBeGreaterThan(340);
  });

  test('the notice stands in the last line, whole, even below the smallest image', () => {
    const picture = drawOverlay(createImage(1, 1), found(1, 1));
    const set = new Set<number>();
    eachTextPixel(NOTICE, (x, y) => set.add(y * 10000 + x));
    const [left, top] = [4, picture.height - 12];
    for (let y = 0; y < 9; y++)
      for (let x = 0; x < textWidth(NOTICE); x++)
        expect((picture.rgb[((top + y) * picture.width + left + x) * 3] ?? 0) > 0).toBe(set.has(y * 10000 + x));
    expect(picture.width).toBeGreaterThan(left + textWidth(NOTICE));
  });

  test('the picture does not depend on the name of the file', () => {
    const image = createImage(300, 200);
    expect(drawOverlay(image, found(300, 200)).rgb).toEqual(drawOverlay(image, { ...found(300, 200), file: 'other' }).rgb);
  });
});

test('the font has every character of the texts that are drawn', () => {
  const texts = [NOTICE, 'benign-like malignant-like cluster MC 0123456789.  marks clusters'];
  expect(Array.from(texts.join('')).filter((c) => !hasGlyph(c))).toEqual([]);
});

describe('mapOnOriginalGrid', () => {
  test('a map on the same grid stays as it is', () => {
    const map = Float32Array.from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    expect(mapOnOriginalGrid(map, { width: 3, height: 2 }, { width: 3, height: 2 }, [1, 1]).data).toEqual(map);
  });

  test('a linear ramp stays linear between the outermost centres, with half-pixel centres and a scale per axis', () => {
    const [w, h] = [10, 8];
    const map = Float32Array.from({ length: w * h }, (_, i) => 0.05 * (i % w) + 0.03 * Math.floor(i / w));
    const original = mapOnOriginalGrid(map, { width: w, height: h }, { width: 20, height: 12 }, [1.5, 2]);
    const clamp = (v: number, high: number): number => Math.min(Math.max(v, 0), high);
    original.data.forEach((p, i) => {
      const [x, y] = [i % 20, Math.floor(i / 20)];
      const expected = 0.05 * clamp((x + 0.5) / 2 - 0.5, w - 1) + 0.03 * clamp((y + 0.5) / 1.5 - 0.5, h - 1);
      expect(p).toBeCloseTo(expected, 5);
    });
  });
});

describe('PNG files', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-overlay-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('a probability map is a 16-bit grey PNG in which 65535 is 1', async () => {
    const path = join(folder, 'map.png');
    await writeProbabilityMap(path, { width: 3, height: 2, data: Float32Array.from([0, 1, 0.5, 0.25, 1e-5, 1.5]) });
    expect(await sharp(path).metadata()).toMatchObject({ format: 'png', depth: 'ushort', channels: 1, width: 3, height: 2 });
    const pixels = await sharp(path).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
    const levels = Array.from({ length: 6 }, (_, i) => pixels.readUInt16LE(2 * i));
    expect(levels).toEqual([0, 65535, 32768, 16384, 1, 65535]);
    expect(readdirSync(folder)).toEqual(['map.png']);
  });

  test('a picture is an 8-bit RGB PNG with the same pixels', async () => {
    const path = join(folder, 'overlay.png');
    const picture = drawOverlay(createImage(40, 30), found(40, 30, { findings: [finding(20, 15)] }));
    await writePicture(path, picture);
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: picture.width, height: picture.height, channels: 3 });
    expect(new Uint8Array(data)).toEqual(picture.rgb);
  });

  test('a folder that is not there is an error with the path', async () => {
    await expect(writePicture(join(folder, 'none', 'a.png'), drawOverlay(createImage(9, 9), found(9, 9)))).rejects.toThrow(/none/);
  });
});
