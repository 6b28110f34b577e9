import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { registerSynth } from '../../src/cli/synth.js';
import { openAnnotatedSet } from '../../src/data/sets/open-set.node.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcgpu-synth-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function synth(out: string, ...more: string[]): Promise<string> {
  const path = join(folder, out);
  const program = new Command().exitOverride();
  registerSynth(program);
  const small = ['--set', 'train.patch=32', '--set', 'synth.phantom.textures=1', '--set', 'synth.positiveFraction=1'];
  await program.parseAsync(['synth', '--data', 'phantom', '--out', path, '--count', '2', ...small, ...more], { from: 'user' });
  return path;
}

interface McsJson {
  samples: { image: string; masks: string[]; class: string; mcs: { x: number; y: number; class: string }[] }[];
}

describe('mcgpu synth', () => {
  it('writes 16-bit samples, masks, the list of calcifications and a contact sheet', async () => {
    const out = await synth('first');
    const names = await readdir(out);
    expect(names).toHaveLength(2 * 4 + 3);
    const list = JSON.parse(await readFile(join(out, 'mcs.json'), 'utf8')) as McsJson;
    expect(list).toMatchObject({ schema: 'mcgpu.synthetic/1', notice: expect.stringContaining('Research use only') as string });
    for (const sample of list.samples) {
      const image = await sharp(join(out, sample.image)).metadata();
      expect(image).toMatchObject({ width: 32, height: 32, depth: 'ushort', channels: 1 });
      for (const channel of ['benign-like', 'malignant-like']) {
        const file = sample.masks.find((mask) => mask.endsWith(`-${channel}.png`));
        const { data } = await sharp(join(out, file ?? ''))
          .raw()
          .toBuffer({ resolveWithObject: true });
        expect(data.includes(255)).toBe(sample.mcs.some((mc) => mc.class === channel));
      }
    }
    expect((await sharp(join(out, 'contact-sheet.png')).metadata()).width).toBeGreaterThan(6 * 64);
  });

  it('draws the same samples from the same seed, others from another', async () => {
    const samples = async (out: string): Promise<Buffer> => readFile(join(out, 'sample-00001.png'));
    const first = await samples(await synth('seed-3', '--seed', '3'));
    expect(await samples(await synth('seed-3-again', '--seed', '3'))).toEqual(first);
    expect(await samples(await synth('seed-4', '--seed', '4'))).not.toEqual(first);
  });

  it('writes what was drawn as annotations that an evaluation reads', async () => {
    const out = await synth('annotated');
    const { images } = await openAnnotatedSet('folder', out);
    const list = JSON.parse(await readFile(join(out, 'mcs.json'), 'utf8')) as McsJson;
    expect(images.map(({ id, marks }) => [id, marks?.length])).toEqual(list.samples.map(({ image, mcs }) => [image, mcs.length]));
    expect(images[0]).toMatchObject({ hasMcs: true, pixelSpacingMm: 0.1 });
    expect(images[0]?.marks?.every(({ contrast }) => contrast !== undefined)).toBe(true);
  });

  it('draws into held-back images when told to, and refuses where none is', async () => {
    const image = (out: string): Promise<Buffer> => readFile(join(folder, out, 'sample-00000.png'));
    await synth('trained');
    await synth('held-back', '--held-back', '--set', 'train.validationPatch=32');
    expect(await image('held-back')).not.toEqual(await image('trained'));
    const backgrounds = join(folder, 'backgrounds');
    await mkdir(backgrounds);
    const pixels = Uint8Array.from({ length: 300 * 300 }, (_, i) => 100 + (i % 7));
    await sharp(pixels, { raw: { width: 300, height: 300, channels: 1 } })
      .png()
      .toFile(join(backgrounds, 'one.png'));
    await expect(synth('none', '--data', backgrounds, '--held-back')).rejects.toThrow(/no image is held back, expected one in five/);
  });

  it('lays real images beside synthetic ones and measures both', async () => {
    const real = join(folder, 'real');
    await mkdir(real);
    for (let i = 0; i < 3; i++) {
      const grey = Uint8Array.from({ length: 80 * 70 }, (_, k) => 100 + ((k * (i + 7)) % 40));
      await sharp(grey, { raw: { width: 80, height: 70, channels: 1 } })
        .png()
        .toFile(join(real, `${i}.png`));
    }
    const out = await synth('compared', '--compare', real, '--real-spacing', '0.1');
    expect((await readdir(out)).sort()).toEqual(['comparison.png', 'statistics.json', 'statistics.svg']);
    const sheet = await sharp(join(out, 'comparison.png')).metadata();
    expect(sheet.width).toBe(2 * (8 * 36 + 4) + 24);
    expect(JSON.parse(await readFile(join(out, 'statistics.json'), 'utf8'))).toMatchObject({ images: 3 });
    await expect(synth('too-small', '--compare', real, '--real-spacing', '0.02')).rejects.toThrow('no image is as large as a patch');
  });

  it('needs a folder to write to, unless it is to test', async () => {
    const program = new Command().exitOverride();
    registerSynth(program);
    await expect(program.parseAsync(['synth', '--data', 'phantom'], { from: 'user' })).rejects.toThrow('--out');
  });

  it('refuses a folder that is not empty, unless told to overwrite', async () => {
    const out = await synth('twice');
    await writeFile(join(out, 'mine.txt'), 'keep');
    await expect(synth('twice')).rejects.toThrow('not empty');
    await synth('twice', '--overwrite');
    expect(await readFile(join(out, 'mine.txt'), 'utf8')).toBe('keep');
  });

  it('refuses an unknown setting before anything is written', async () => {
    await expect(synth('misspelt', '--set', 'synth.phantom.noize=[0,1]')).rejects.toThrow('noise');
    await expect(readdir(join(folder, 'misspelt'))).rejects.toThrow();
  });
});
