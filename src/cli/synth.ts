import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import sharp from 'sharp';
import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { GrayImage } from '../data/image.js';
import { ANNOTATION_SCHEMA } from '../data/sets/annotation-file.js';
import { NOTICE } from '../detect/findings.js';
import { writePicture } from '../detect/overlay.node.js';
import { UserError } from '../errors.js';
import { explainFileError, makeFolder, writeFileAtomic } from '../files.node.js';
import { marksOf } from '../synth/annotate.js';
import type { BackgroundSource } from '../synth/background.js';
import { contactSheet, type SheetRow } from '../synth/contact-sheet.js';
import type { SynthConfig } from '../synth/priors.js';
import { makeSample, type Sample } from '../synth/sample.js';
import { readTrainConfig } from '../train/config.node.js';
import { backgroundsOf, openTrainingData } from '../train/training-data.node.js';
import { parseCount, parseMillimetres, parseSeed } from './values.js';

/** Samples on the contact sheet; the first ones, negatives among them. */
const MAX_ON_SHEET = 24;

/** Added to the seed, so that held-back samples are neither those of training nor those that its validation chooses by. */
const HELD_BACK_SEED = 2_000_000_011;

interface SynthCommandOptions {
  readonly data: string;
  readonly out: string;
  readonly count: number;
  readonly seed?: number;
  readonly config?: string;
  readonly set: readonly string[];
  readonly pixelSpacing?: number;
  readonly heldBack?: boolean;
  readonly overwrite?: boolean;
}

/** `mcgpu synth --data DIR|phantom --out DIR`: the very samples that `mcgpu train` would draw, to look at. */
export function registerSynth(program: Command): void {
  program
    .command('synth')
    .description('draw synthetic training samples to look at: 16-bit images, masks, mcs.json, a contact sheet')
    .requiredOption('--data <dir|phantom>', 'folder of unlabelled mammograms, or phantom')
    .requiredOption('--out <dir>', 'folder for the samples')
    .option('--count <n>', 'number of samples', parseCount, MAX_ON_SHEET)
    .option('--seed <n>', 'seed (default: that of the configuration)', parseSeed)
    .option('--config <file>', 'YAML configuration, as of mcgpu train')
    .option('--set <key=value>', 'one setting of the configuration, repeatable', (value, all: readonly string[]) => [...all, value], [])
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--held-back', 'draw into the images that no training sees, to measure a model with `mcgpu evaluate --dataset folder`')
    .option('--overwrite', 'write into a folder that is not empty')
    .addHelpText('after', `\n${NOTICE}`)
    .action(synth);
}

async function synth(options: SynthCommandOptions): Promise<void> {
  const config = await readTrainConfig(options.config, options.set);
  const seed = (options.seed ?? config.train.seed) + (options.heldBack ? HELD_BACK_SEED : 0);
  if (!options.overwrite) await refuseFilled(options.out);
  const { train, validation, summary } = await openTrainingData(options.data, config, { pixelSpacingMm: options.pixelSpacing });
  process.stdout.write(`${summary}\n`);
  const setup = options.heldBack ? validation : train;
  if (options.heldBack && train.images && validation.images === train.images)
    throw new UserError(`${options.data}: no image is held back, expected one in five. Add images, or drop --held-back.`);
  await makeFolder(options.out);
  const source = backgroundsOf(setup);
  const rows: SheetRow[] = [];
  const entries: object[] = [];
  const annotations: object[] = [];
  for (let i = 0; i < options.count; i++) {
    const sample = makeSample(source, setup.synth, seed, i);
    const files = await writeSample(options.out, i, sample);
    entries.push({ ...files, class: CLASSES[sample.classIndex], distribution: sample.distribution, mcs: sample.mcs });
    annotations.push(annotation(files.image, i, sample));
    if (rows.length < MAX_ON_SHEET) rows.push({ withMcs: sample, without: withoutMcs(source, setup.synth, seed, i) });
  }
  const annotated = { schema: ANNOTATION_SCHEMA, pixelSpacingMm: setup.synth.pixelSpacingMm, images: annotations };
  await writeFileAtomic(join(options.out, 'annotations.json'), `${JSON.stringify(annotated)}\n`);
  const list = { schema: 'mcgpu.synthetic/1', notice: NOTICE, seed, config: setup.synth, samples: entries };
  await writeFileAtomic(join(options.out, 'mcs.json'), `${JSON.stringify(list, null, 2)}\n`);
  await writePicture(join(options.out, 'contact-sheet.png'), contactSheet(rows));
  process.stdout.write(`${options.count} samples in ${options.out}; look at ${join(options.out, 'contact-sheet.png')}\n${NOTICE}\n`);
}

/** The same background, negatives and degradation: their draws do not depend on the lesion's. */
function withoutMcs(source: BackgroundSource, config: SynthConfig, seed: number, index: number): Sample {
  return makeSample(source, { ...config, positiveFraction: 0 }, seed, index);
}

async function refuseFilled(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw explainFileError(error, folder, 'read');
  });
  if (names.length === 0) return;
  throw new UserError(`${folder} is not empty, expected a new or empty folder. Choose another --out or add --overwrite.`);
}

/** The sample's entry in annotations.json. Backgrounds are shared between samples, so each counts as a patient of its own. */
function annotation(file: string, index: number, sample: Sample): object {
  const [isDrawn, marks] = [sample.mcs.length > 0, marksOf(sample)];
  const groups = isDrawn ? { distribution: sample.distribution ?? '', morphology: sample.mcs[0]!.morphology } : {};
  return { file, patient: `sample-${index}`, mcs: isDrawn, malignant: isDrawn ? sample.classIndex === 2 : null, marks, groups };
}

interface SampleFiles {
  readonly image: string;
  readonly masks: readonly string[];
  readonly ignore: string;
}

/** Writes one sample's images. */
async function writeSample(folder: string, index: number, sample: Sample): Promise<SampleFiles> {
  const name = `sample-${String(index).padStart(5, '0')}`;
  const files = {
    image: `${name}.png`,
    masks: SEGMENTATION_CHANNELS.map((channel) => `${name}-${channel}.png`),
    ignore: `${name}-ignore.png`,
  };
  await writeFileAtomic(join(folder, files.image), await greyPng(sample.raw));
  for (const [i, file] of files.masks.entries())
    await writeFileAtomic(join(folder, file), await maskPng(sample.masks[i]!, sample.raw.width));
  await writeFileAtomic(join(folder, files.ignore), await maskPng(sample.ignore, sample.raw.width));
  return files;
}

/** Display intensities 0..1 as 0..65535. */
function greyPng({ width, height, data }: GrayImage): Promise<Uint8Array> {
  const levels = Uint16Array.from(data, (v) => Math.round(65535 * v));
  return sharp(levels, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
}

function maskPng(mask: Uint8Array, width: number): Promise<Uint8Array> {
  const pixels = mask.map((v) => 255 * v);
  return sharp(pixels, { raw: { width, height: mask.length / width, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
