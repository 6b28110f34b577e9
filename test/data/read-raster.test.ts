import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readRaster } from '../../src/data/read-raster.node.js';
import { UserError } from '../../src/errors.js';
import { largestDifference } from './naive.js';

const WIDTH = 33;
const HEIGHT = 20;
const grey16 = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => i * 99);
const grey8 = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => i % 256);

function raw(data: Uint8Array | Uint16Array, channels: 1 | 3 | 4 = 1): Sharp {
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
}

const png16 = (data: Uint16Array): Promise<Buffer> => raw(data).toColourspace('grey16').png().toBuffer();
const fullRange = (data: Uint8Array | Uint16Array, max: number): number[] => Array.from(data, (v) => v / max);

describe('readRaster', () => {
  test('a 16-bit PNG keeps every value', async () => {
    const { image, bitDepth, warnings } = await readRaster(await png16(grey16));
    expect([image.width, image.height, bitDepth, warnings]).toEqual([WIDTH, HEIGHT, 16, []]);
    expect(largestDifference(image.data, fullRange(grey16, 65535))).toBeLessThan(1e-7);
  });

  test('a 16-bit TIFF keeps every value', async () => {
    const bytes = await raw(grey16).toColourspace('grey16').tiff({ compression: 'lzw' }).toBuffer();
    const { image, bitDepth } = await readRaster(bytes);
    expect(bitDepth).toBe(16);
    expect(largestDifference(image.data, fullRange(grey16, 65535))).toBeLessThan(1e-7);
  });

  test.each(['png', 'tiff'] as const)('an 8-bit %s keeps every value', async (format) => {
    const pipeline = raw(grey8).toColourspace('b-w');
    const bytes = await (format === 'png' ? pipeline.png() : pipeline.tiff({ compression: 'none' })).toBuffer();
    const { image, bitDepth } = await readRaster(bytes);
    expect(bitDepth).toBe(8);
    expect(largestDifference(image.data, fullRange(grey8, 255))).toBeLessThan(1e-7);
  });

  test('12 bits in a 16-bit file are taken as the full range, with a warning', async () => {
    const { image, bitDepth, warnings } = await readRaster(await png16(grey16.map((v) => v >> 4)));
    expect(bitDepth).toBe(12);
    expect(warnings.join()).toMatch(/12 bits only/);
    expect(
      largestDifference(
        image.data,
        fullRange(
          grey16.map((v) => v >> 4),
          4095,
        ),
      ),
    ).toBeLessThan(1e-7);
  });

  test('colour becomes luminance, with a warning', async () => {
    const red = new Uint8Array(WIDTH * HEIGHT * 3).map((_, i) => (i % 3 === 0 ? 255 : 0));
    const { image, warnings } = await readRaster(await raw(red, 3).png().toBuffer());
    expect(new Set(image.data)).toEqual(new Set([Math.fround(76 / 255)])); // 0.299 * 255 = 76.2
    expect(warnings).toEqual(['The image is in colour; its luminance is used.']);
  });

  test('grey stored as three equal channels is grey, without a warning', async () => {
    const rgb = new Uint8Array(WIDTH * HEIGHT * 3).map((_, i) => grey8[Math.floor(i / 3)] ?? 0);
    const { image, warnings } = await readRaster(await raw(rgb, 3).png().toBuffer());
    expect(warnings).toEqual([]);
    expect(largestDifference(image.data, fullRange(grey8, 255))).toBeLessThan(1e-7);
    const jpeg = await readRaster(await raw(rgb, 3).jpeg({ quality: 70 }).toBuffer());
    expect(jpeg.warnings).toEqual([]);
  });

  test('transparency is dropped, not painted over', async () => {
    const rgba = new Uint8Array(WIDTH * HEIGHT * 4).map((_, i) => (i % 4 === 3 ? 0 : 200));
    const { image } = await readRaster(await raw(rgba, 4).png().toBuffer());
    expect(new Set(image.data)).toEqual(new Set([Math.fround(200 / 255)]));
  });

  test('an EXIF orientation is not applied, and that is said', async () => {
    const bytes = await raw(grey8).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const { image, warnings } = await readRaster(bytes);
    expect([image.width, image.height]).toEqual([WIDTH, HEIGHT]);
    expect(warnings.join()).toMatch(/orientation is not applied/);
  });

  test('a decompression bomb is refused by its header', async () => {
    const bytes = Buffer.from(await png16(grey16));
    bytes.writeUInt32BE(60000, 16); // IHDR: width, height
    bytes.writeUInt32BE(60000, 20);
    await expect(readRaster(bytes)).rejects.toThrow(UserError);
  });

  test.each([0.1, 0.5, 0.9])('a PNG and a JPEG cut off at %d of their length are refused in one line', async (part) => {
    for (const bytes of [await png16(grey16), await raw(grey8).jpeg().toBuffer()]) {
      const error: unknown = await readRaster(bytes.subarray(0, Math.floor(part * bytes.length))).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toMatch(/^[^\n]*damaged or cut off[^\n]*$/);
    }
  });
});
