import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/dataset.node.js';
import type { Mammogram } from '../../src/data/mammogram.js';
import { UserError } from '../../src/errors.js';
import { dataPath } from './fixtures.js';
import { noiseImage } from './naive.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcgpu-dataset-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const keep = (): null => null;
const options = { keep, minSidePx: 40 };

async function noisePng(seed: number, side = 48): Promise<Buffer> {
  const values = Uint8Array.from(noiseImage(side, side, seed).data, (v) => v * 255);
  return sharp(values, { raw: { width: side, height: side, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

const firstByte = (bytes: Uint8Array): number => createHash('sha256').update(bytes).digest()[0] ?? NaN;

describe('openDataset', () => {
  test('splits by the first byte of the sha256, once and for all', async () => {
    const held: string[] = [];
    for (let seed = 0; seed < 25; seed++) {
      const bytes = await noisePng(seed);
      writeFileSync(join(folder, `${seed}.png`), bytes);
      if (firstByte(bytes) % 5 === 0) held.push(`${seed}.png`);
    }
    const dataset = await openDataset(folder, options);
    expect(held.length).toBeGreaterThan(0);
    expect(dataset.validation.map((file) => basename(file.path)).sort()).toEqual(held.sort());
    expect(dataset.train).toHaveLength(25 - held.length);
    expect(dataset.problems).toEqual([]);
  });

  test('the data hash depends on the images, not on their names', async () => {
    const images: Buffer[] = [];
    for (let seed = 0; images.length < 2; seed++) {
      const bytes = await noisePng(seed);
      if (firstByte(bytes) % 5 !== 0) images.push(bytes);
    }
    const hashes: string[] = [];
    for (const names of [['a.png', 'b.png'], ['y.png', 'x.png'], ['a.png']]) {
      const sub = join(folder, String(hashes.length));
      mkdirSync(sub);
      for (const [i, name] of names.entries()) writeFileSync(join(sub, name), images[i] ?? '');
      hashes.push((await openDataset(sub, options)).dataHash);
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  test('lists broken, small, even and doubled images, and goes on without them', async () => {
    for (let seed = 0; seed < 6; seed++) writeFileSync(join(folder, `good${seed}.png`), await noisePng(seed));
    writeFileSync(join(folder, 'twin.png'), await noisePng(0));
    writeFileSync(join(folder, 'small.png'), await noisePng(1, 20));
    writeFileSync(join(folder, 'broken.png'), 'no image');
    const even = sharp(new Uint8Array(2500), { raw: { width: 50, height: 50, channels: 1 } });
    writeFileSync(join(folder, 'even.png'), await even.toColourspace('b-w').png().toBuffer());
    const { train, validation, problems } = await openDataset(folder, options);
    expect(train.length + validation.length).toBe(6);
    expect(problems.filter((p) => p.isLeftOut).map((p) => [p.file, p.problem])).toEqual([
      ['broken.png', expect.stringMatching(/no image/)],
      ['even.png', expect.stringMatching(/same value/)],
      ['small.png', expect.stringMatching(/20x20 pixels, smaller than 40x40/)],
      ['twin.png', expect.stringMatching(/same file as good0.png/)],
    ]);
  });

  test('keeps what it is asked to of each image, and leaves out one of which that cannot be made', async () => {
    const sides = [48, 50, 52, 54, 56, 58];
    for (const side of sides) writeFileSync(join(folder, `${side}.png`), await noisePng(side, side));
    const width = ({ image }: Mammogram): number => {
      if (image.width === 50) throw new UserError('its spacing is wrong.');
      return image.width;
    };
    const { train, validation, problems } = await openDataset(folder, { ...options, keep: width });
    expect([...train, ...validation].map(({ kept }) => kept).sort()).toEqual(sides.filter((side) => side !== 50));
    expect(problems).toEqual([{ file: '50.png', problem: 'its spacing is wrong.', isLeftOut: true }]);
  });

  test('an empty folder, a folder of broken images and one wholly held back are the user’s errors', async () => {
    await expect(openDataset(folder, { keep })).rejects.toThrow(/no image found/);
    writeFileSync(join(folder, 'broken.png'), 'no image');
    await expect(openDataset(folder, { keep })).rejects.toThrow(
      /none of its 1 images can be used. First: broken.png: the content is no image/,
    );
    let seed = 0;
    while (firstByte(await noisePng(seed)) % 5 !== 0) seed++;
    writeFileSync(join(folder, 'broken.png'), await noisePng(seed));
    await expect(openDataset(folder, options)).rejects.toThrow(/all 1 usable images are held back/);
    await expect(openDataset(folder, options)).rejects.toThrow(UserError);
  });

  const backgrounds = dataPath('backgrounds', 'cdd-cesm');
  test.skipIf(!existsSync(backgrounds))(
    'of the shared backgrounds (MCGPU_DATA) it holds back what manifest.csv implies',
    async () => {
      const rows = readFileSync(dataPath('manifest.csv'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('backgrounds/cdd-cesm/'));
      const implied = rows.map((row) => row.split(',')).filter(([, , sha]) => Number.parseInt((sha ?? '').slice(0, 2), 16) % 5 === 0);
      const { train, validation, problems } = await openDataset(backgrounds, { keep });
      expect(validation.map((file) => basename(file.path))).toEqual(implied.map(([path]) => basename(path ?? '')).sort());
      expect(train.length + validation.length).toBe(rows.length);
      expect(problems.filter((p) => p.isLeftOut)).toEqual([]);
    },
    60_000,
  );
});
