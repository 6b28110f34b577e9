import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { UserError } from '../errors.js';
import { explainFileError, makeFolder, writeFileAtomic } from '../files.node.js';
import { asTheyAre } from '../synth/as-they-are.js';
import { readTrainConfig } from '../train/config.node.js';
import { backgroundsOf, openTrainingData } from '../train/training-data.node.js';
import { adapterOf } from './adapter-option.js';
import { compareWithReal } from './synth-compare.js';
import { runLeakTest } from './synth-leak-test.js';
import { MAX_ON_SHEET, writeSamples } from './synth-samples.js';
import { parseCount, parseMillimetres, parseSeed } from './values.js';

/** Added to the seed, so that held-back samples are neither those of training nor those that its validation chooses by. */
const HELD_BACK_SEED = 2_000_000_011;

interface SynthCommandOptions {
  readonly data: string;
  readonly out?: string;
  readonly count: number;
  readonly seed?: number;
  readonly config?: string;
  readonly set: readonly string[];
  readonly pixelSpacing?: number;
  readonly heldBack?: boolean;
  readonly asTheyAre?: boolean;
  readonly overwrite?: boolean;
  readonly compare?: string;
  readonly realSpacing?: number;
  readonly leakTest?: boolean;
}

/** `mcgpu synth --data DIR|phantom --out DIR`: the very samples that `mcgpu train` would draw, to look at and to test. */
export function registerSynth(program: Command): void {
  program
    .command('synth')
    .description('draw synthetic training samples to look at: 16-bit images, masks, mcs.json, a contact sheet')
    .requiredOption('--data <dir|phantom>', 'folder of unlabelled mammograms, or phantom')
    .option('--out <dir>', 'folder for the samples')
    .option('--count <n>', 'number of samples', parseCount, MAX_ON_SHEET)
    .option('--seed <n>', 'seed (default: that of the configuration)', parseSeed)
    .option('--config <file>', 'YAML configuration, as of mcgpu train')
    .option('--set <key=value>', 'one setting of the configuration, repeatable', (value, all: readonly string[]) => [...all, value], [])
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--held-back', 'draw into the images that no training sees, to measure a model with `mcgpu evaluate --dataset folder`')
    .option('--as-they-are', 'draw calcifications only: no hard negatives, no other detector, film or compression than the image has')
    .option('--overwrite', 'write into a folder that is not empty')
    .option('--compare <dir>', 'instead: a sheet of real images from a folder beside synthetic ones, and their statistics')
    .option('--real-spacing <mm>', 'with --compare: spacing of real images that do not state theirs, mm', parseMillimetres)
    .option('--leak-test', 'instead: can a classifier see around covered calcifications that they were drawn in? (minutes)')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (options: SynthCommandOptions, command: Command) => {
      await synth(options, adapterOf(command).adapter);
    });
}

async function synth(options: SynthCommandOptions, adapter: string | undefined): Promise<void> {
  const { out, compare } = options;
  if (out === undefined && !options.leakTest) throw new UserError('--out is missing, expected a folder for the samples. Add --out DIR.');
  const config = await readTrainConfig(options.config, options.set);
  const seed = (options.seed ?? config.train.seed) + (options.heldBack ? HELD_BACK_SEED : 0);
  if (out !== undefined && !options.overwrite) await refuseFilled(out);
  const data = await openTrainingData(options.data, config, { pixelSpacingMm: options.pixelSpacing });
  process.stdout.write(`${data.summary}\n`);
  const { train, validation } = data;
  if ((options.heldBack || options.leakTest) && train.images && validation.images === train.images)
    throw new UserError(`${options.data}: no image is held back, expected one in five. Add images, or drop --held-back.`);
  const drawn = options.heldBack ? validation : train;
  const setup = options.asTheyAre ? { ...drawn, synth: asTheyAre(drawn.synth) } : drawn;
  if (out !== undefined) await makeFolder(out);
  if (options.leakTest) {
    const report = await runLeakTest(data, seed, adapter);
    if (out !== undefined) await writeFileAtomic(join(out, 'leak-test.json'), `${JSON.stringify(report, null, 2)}\n`);
  } else if (out !== undefined && compare !== undefined) {
    const found = await compareWithReal(compare, out, backgroundsOf(setup), setup.synth, { seed, realSpacingMm: options.realSpacing });
    process.stdout.write(`${found}\n${NOTICE}\n`);
  } else if (out !== undefined) await writeSamples(setup, out, options.count, seed);
}

async function refuseFilled(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw explainFileError(error, folder, 'read');
  });
  if (names.length === 0) return;
  throw new UserError(`${folder} is not empty, expected a new or empty folder. Choose another --out or add --overwrite.`);
}
