import { join } from 'node:path';
import type { Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { UserError } from '../errors.js';
import { readTrainConfig } from '../train/config.node.js';
import type { RunMode } from '../train/run-directory.node.js';
import { runTraining } from '../train/run.node.js';
import { readTuningFile } from '../runtime/tuning-file.node.js';
import { adapterOf } from './adapter-option.js';
import { stopOnInterrupt } from './interrupt.js';
import { parseBytes, parseCount, parseMillimetres } from './values.js';

interface TrainOptions {
  readonly data: string;
  readonly out: string;
  readonly config?: string;
  readonly set: readonly string[];
  readonly steps?: number;
  readonly init?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly pixelSpacing?: number;
  readonly memoryBudget?: number;
  readonly tuning?: string;
  readonly quiet?: boolean;
}

/** `mcgpu train --data DIR|phantom --out RUN`: trains, resumes, and leaves a folder with everything that the run was. */
export function registerTrain(program: Command): void {
  program
    .command('train')
    .description('train on unlabelled mammograms (or generated phantoms) with synthetic microcalcifications')
    .requiredOption('--data <dir>', "folder of unlabelled mammograms, or 'phantom'")
    .requiredOption('--out <run>', 'folder of the run: checkpoints, logs, model.safetensors')
    .option('--config <file>', 'YAML file with settings that differ from the defaults (on resume: the config.yaml of the run)')
    .option(
      '--set <key=value>',
      'change one setting, e.g. train.batch=8; may be repeated',
      (value: string, all: readonly string[]) => [...all, value],
      [],
    )
    .option('--steps <n>', 'stop after this many steps in all (the schedule keeps the length train.steps)', parseCount)
    .option(
      '--init <model>',
      'begin with the weights of a model file of the same network, e.g. to train the shipped one on your own images',
    )
    .option('--resume', 'go on from the last checkpoint of the run, bit for bit')
    .option('--overwrite', 'remove an earlier run in the same folder first')
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--memory-budget <bytes>', 'most GPU memory for feature maps, e.g. 512MB', parseBytes)
    .option('--tuning <file>', 'table of kernel choices from `mcgpu bench --tune`; a resumed run keeps its own')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (options: TrainOptions, command: Command) => {
      await train(options, adapterOf(command).adapter);
    });
}

async function train(options: TrainOptions, adapter: string | undefined): Promise<void> {
  const { data, out, set, steps, init, pixelSpacing, memoryBudget, quiet } = options;
  if (options.resume && options.overwrite)
    throw new UserError('Both --resume and --overwrite were given, expected one of them: drop the other.');
  const mode: RunMode = options.resume ? 'resume' : options.overwrite ? 'overwrite' : 'new';
  const config = await readTrainConfig(options.config ?? (options.resume ? join(out, 'config.yaml') : undefined), set);
  const tuning = options.tuning === undefined ? undefined : await readTuningFile(options.tuning);
  await stopOnInterrupt(async (signal) => {
    const result = await runTraining({
      data,
      out,
      config,
      mode,
      stopAt: steps,
      initialModel: init,
      adapter,
      pixelSpacingMm: pixelSpacing,
      memoryBudgetBytes: memoryBudget,
      tuning,
      quiet,
      signal,
    });
    if (quiet) return;
    const waited = `${(100 * result.waits.share).toFixed(1)} % of the time waiting for data`;
    if (!result.interrupted) process.stdout.write(`${result.run.model}: trained for ${result.steps} steps, ${waited}. ${NOTICE}\n`);
  });
}
