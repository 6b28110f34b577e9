import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listImages } from '../../src/data/list-images.node.js';
import { readMammogram } from '../../src/data/read.node.js';
import { UserError } from '../../src/errors.js';
import { dataPath } from './fixtures.js';
import { makeDicom } from './make-dicom.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcgpu-read-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const greyPng = (width: number, height: number, level: number): Promise<Buffer> =>
  sharp(new Uint8Array(width * height).fill(level), { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();

async function errorOf(path: string, options = {}): Promise<string> {
  const error: unknown = await readMammogram(path, options).then(
    () => new Error('it was read'),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  expect(message.startsWith(`${path}: `)).toBe(true);
  expect(message).not.toContain('\n');
  return message.slice(path.length + 2);
}

describe('readMammogram says what is wrong and what to do', () => {
  test('a missing file', async () => {
    expect(await errorOf(join(folder, 'absent.png'))).toBe('no such file or folder. Check the path.');
  });

  test('a folder', async () => {
    expect(await errorOf(folder)).toMatch(/this is a folder/);
  });

  // root may read everything
  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('an unreadable file', async () => {
    const path = write('locked.png', 'x');
    chmodSync(path, 0);
    expect(await errorOf(path)).toMatch(/no permission to read it/);
  });

  test('an empty file', async () => {
    expect(await errorOf(write('empty.png', ''))).toMatch(/^the file is empty. Give a PNG/);
  });

  test('text renamed to .png', async () => {
    expect(await errorOf(write('text.png', 'this is a text\n'.repeat(30)))).toMatch(/^the content is no image, whatever the name says/);
  });

  test('a 1x1 image', async () => {
    expect(await errorOf(write('dot.png', await greyPng(1, 1, 9)))).toMatch(/^1x1 pixels are too few/);
  });

  test('a truncated DICOM file', async () => {
    expect(await errorOf(write('cut.dcm', makeDicom().slice(0, -500)))).toMatch(/cut off.*Copy it again/);
  });

  test('a DICOM file without pixels', async () => {
    expect(await errorOf(write('report.dcm', makeDicom({ attributes: { PixelData: undefined } })))).toMatch(/holds no pixels/);
  });

  test('a data set without its DICOM header', async () => {
    expect(await errorOf(write('bare.dcm', makeDicom().slice(132)))).toMatch(/without its file header/);
  });

  test.each([0, -1, NaN])('a pixel spacing of %d', async (pixelSpacingMm) => {
    expect(await errorOf(write('good.dcm', makeDicom()), { pixelSpacingMm })).toMatch(/expected 0.001 to 10 mm/);
  });
});

describe('readMammogram reads', () => {
  test('an all-black image, with a warning', async () => {
    const m = await readMammogram(write('black.png', await greyPng(64, 64, 0)));
    expect(m.warnings).toEqual(['All pixels have the same value: there is nothing to find.']);
  });

  test('by content: DICOM named .png and PNG named .dcm', async () => {
    expect((await readMammogram(write('dicom.png', makeDicom()))).viewPosition).toBe('CC');
    expect((await readMammogram(write('png.dcm', await greyPng(64, 48, 3)))).image.width).toBe(64);
  });

  test('no pixel spacing from the density of a JPEG or TIFF', async () => {
    for (const format of ['jpeg', 'tiff', 'png'] as const) {
      const bytes = await sharp(await greyPng(64, 64, 50))
        .withMetadata({ density: 254 })
        .toFormat(format)
        .toBuffer();
      expect((await readMammogram(write(`density.${format}`, bytes))).pixelSpacingMm).toBeNull();
    }
  });
});

describe('listImages', () => {
  test('files as given; folders recursively, sorted, by name or content, without hidden and other files', async () => {
    const png = await greyPng(20, 20, 1);
    write('tree/b/2.PNG', png);
    write('tree/b/1.png', png);
    write('tree/a.dcm', makeDicom());
    write('tree/IM0001', makeDicom());
    write('tree/broken.tif', 'no image');
    write('tree/labels.csv', 'a,b');
    write('tree/annotations.json', '{}');
    write('tree/.hidden.png', png);
    symlinkSync('.', join(folder, 'tree', 'loop'));
    const given = write('given.bin', 'x');
    const found = await listImages([given, join(folder, 'tree'), given]);
    expect(found).toEqual([given, ...['IM0001', 'a.dcm', 'b/1.png', 'b/2.PNG', 'broken.tif'].map((name) => join(folder, 'tree', name))]);
  });

  test('an empty folder and a missing one are the user’s errors', async () => {
    mkdirSync(join(folder, 'nothing'));
    await expect(listImages([join(folder, 'nothing')])).rejects.toThrow(/nothing: no image found. Give PNG/);
    await expect(listImages([join(folder, 'nowhere')])).rejects.toThrow(/nowhere: no such file or folder/);
    await expect(listImages([join(folder, 'nowhere')])).rejects.toThrow(UserError);
  });
});

const malformed = dataPath('malformed');
describe.skipIf(!existsSync(malformed))('malformed files (MCGPU_DATA)', () => {
  const files = existsSync(malformed)
    ? readdirSync(malformed, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(malformed, name)).isFile())
    : [];

  test('each is read, or refused in one line without patient data, in less than 5 s each and bounded memory', async () => {
    const refused: string[] = [];
    for (const name of files) {
      const path = join(malformed, name);
      const start = performance.now();
      const result = await readMammogram(path).catch((error: unknown) => error);
      expect(performance.now() - start, name).toBeLessThan(5000);
      if (!(result instanceof Error)) continue;
      refused.push(name);
      expect(result, `${name}: ${result.stack ?? ''}`).toBeInstanceOf(UserError);
      expect(result.message.slice(path.length), name).toMatch(/^: [^\n]{20,250}\.$/);
      expect(result.message, name).not.toMatch(/\^|fuzz|patient|CANARY/i);
    }
    expect(files.length).toBeGreaterThan(300);
    expect(refused.length).toBeGreaterThan(90);
    expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(1500); // MB
  }, 60_000);

  test('corrupt PNGs (x*.png) are all refused', async () => {
    const corrupt = files.filter((name) => /pngsuite\/x\w*\.png$/.test(name));
    expect(corrupt.length).toBeGreaterThan(10);
    for (const name of corrupt) await expect(readMammogram(join(malformed, name)), name).rejects.toThrow(UserError);
  });
});
