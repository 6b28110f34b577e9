import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { readMammogram } from '../../src/data/read.node.js';
import { isHeldBack } from '../../src/data/splits.js';
import { phantomMammogram } from '../../src/synth/phantom.js';
import { makeSample } from '../../src/synth/sample.js';
import { imageSource } from '../../src/synth/background.js';
import { breastMask } from '../../src/data/breast-mask.js';
import { batchLayout, fillBatch } from '../../src/train/batch.js';
import { createFill } from '../../src/train/draw-batches.node.js';
import { openTrainingData, type TrainingData } from '../../src/train/training-data.node.js';
import { testDevice } from '../support/gpu.js';
import { leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
const images = join(folder, 'images');
const LEAST = 5;
const nameOf = (i: number): string => `image-${100 + i}.png`; // sorted by number
/** Width of an image -> whether it is held back: widths differ, so that an image is known by its own. */
const isHeld = new Map<number, boolean>();
let data: TrainingData;

/** Phantoms as 16-bit PNG, at least five and until some are held back and some are not, and a broken file. */
beforeAll(async () => {
  mkdirSync(images);
  const held = (): boolean[] => [...isHeld.values()];
  for (let i = 0; isHeld.size < LEAST || !held().includes(true) || held().filter((h) => !h).length < 2; i++) {
    const [width, height] = [272 + 8 * i, 320];
    const { data: pixels } = phantomMammogram(i, { width, height, pixelSpacingMm: 0.1, view: 'CC' });
    const levels = Uint16Array.from(pixels, (v) => Math.round(65535 * v));
    const png = await sharp(levels, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    writeFileSync(join(images, nameOf(i)), png);
    isHeld.set(width, isHeldBack(createHash('sha256').update(png).digest('hex')));
  }
  writeFileSync(join(images, 'broken.png'), readFileSync(join(images, nameOf(0))).subarray(0, 2000));
  data = await openTrainingData(images, smallConfig());
});

const widths = (setup: TrainingData['train']): number[] => (setup.images ?? []).map(({ width }) => width).sort((a, b) => a - b);
const expected = (held: boolean): number[] => [...isHeld].filter(([, h]) => h === held).map(([width]) => width);

describe('a folder of mammograms', () => {
  it('is split: images that are held back are validated on, never trained on', () => {
    expect(widths(data.train)).toEqual(expected(false));
    expect(widths(data.validation)).toEqual(expected(true));
    expect(data.validation.seed).not.toBe(data.train.seed);
    const counts = `${expected(false).length} images to train on, ${expected(true).length} held back, 1 left out`;
    expect(data.summary).toBe(`${counts}; ${isHeld.size} do not say their pixel spacing: taken as 0.1 mm`);
  });

  it('with a broken file reports it and leaves it out', () => {
    expect(data.problems.filter((p) => p.isLeftOut)).toEqual([
      { file: 'broken.png', problem: expect.any(String) as string, isLeftOut: true },
    ]);
  });

  it('stays in memory at two bytes a pixel and little more, once for all threads', () => {
    for (const { width, height, levels, breast } of data.train.images ?? []) {
      expect(levels.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(breast.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(levels.byteLength).toBe(2 * width * height);
      expect(breast.byteLength).toBeLessThan(0.1 * width * height);
    }
  });

  it('gives batches whose samples are rebuilt bit for bit from the files alone', async () => {
    const { synth, seed } = data.train;
    const files = Array.from(isHeld.keys(), (_, i) => join(images, nameOf(i))).filter((_, i) => !isHeld.get(272 + 8 * i));
    const mammograms = await Promise.all(files.map((file) => readMammogram(file)));
    const source = imageSource(mammograms.map(({ image }) => ({ image, breast: breastMask(image) })));
    const layout = batchLayout(2, synth.patch, 2, 5);
    const [rebuilt, drawn] = [new Float32Array(layout.length), new Float32Array(layout.length)];
    fillBatch(
      layout,
      [6, 7].map((index) => makeSample(source, synth, seed, index)),
      rebuilt,
    );
    createFill({ ...data.train, batch: 2, levels: 5 })(3, drawn);
    expect(drawn).toEqual(rebuilt);
  });

  it('trains, and 2N steps are N, a resume and N', async () => {
    const [whole, halves] = [join(folder, 'whole'), join(folder, 'halves')];
    const config = smallConfig({ steps: 6, workers: 2 });
    const { run } = await train(device, whole, { data: images, config });
    await train(device, halves, { data: images, config, stopAt: 3 });
    const resumed = await train(device, halves, { data: images, config, mode: 'resume' });
    expect(await leftBy(resumed.run)).toEqual(await leftBy(run));
    await expect(train(device, halves, { config, mode: 'resume', stopAt: 9 })).rejects.toThrow(
      /written with data [0-9a-f]{12}, now it is phantom-.*Give the data set the run began with, or start a new run/,
    );
  });
});

it('images are brought to the working spacing as in detection: not resampled for a difference that no one can measure', async () => {
  const sizes = async (pixelSpacingMm: number): Promise<number[]> =>
    widths((await openTrainingData(images, smallConfig(), { pixelSpacingMm })).train);
  expect(await sizes(0.1001)).toEqual(expected(false));
  expect(await sizes(0.05)).toEqual(expected(false).map((width) => width / 2));
  const unusable = openTrainingData(images, smallConfig(), { pixelSpacingMm: 10 }); // 100 pixels for each
  await expect(unusable).rejects.toThrow(/none of its \d+ images can be used/);
});

it('a folder of one image is trained on though nothing is held back, and says so', async () => {
  const [width] = expected(false);
  const lone = join(folder, 'lone');
  mkdirSync(lone);
  const file = nameOf(((width ?? 0) - 272) / 8);
  writeFileSync(join(lone, file), readFileSync(join(images, file)));
  expect((await openTrainingData(lone, smallConfig())).summary).toContain('NONE held back: validation uses the training images');
});
