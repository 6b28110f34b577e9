import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { planExperiment } from '../experiment/plan.js';
import { runExperiment } from '../experiment/run.node.js';
import { readYamlFile } from '../train/config.node.js';
import { PHANTOM } from '../train/training-data.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { adapterOf } from './adapter-option.js';
import { stopOnInterrupt } from './interrupt.js';
import { parseMillimetres } from './values.js';

interface ExperimentOptions {
  readonly out: string;
  readonly data?: string;
  readonly resume?: boolean;
  readonly pixelSpacing?: number;
  readonly quiet?: boolean;
}

/** `mcgpu experiment FILE.yaml --out DIR`: trains and tests every row and seed of a table, resumable run by run. */
export function registerExperiment(program: Command): void {
  program
    .command('experiment')
    .description('train and test every row of a table under one protocol: ablations, comparisons; resumable run by run')
    .argument('<file>', 'YAML file: rows, seeds, settings, test samples (docs/experiments.md)')
    .requiredOption('--out <dir>', 'folder of the runs and of results.md, results.csv')
    .option('--data <dir>', "folder of unlabelled mammograms, or 'phantom', in the place of the file's")
    .option('--resume', 'run what is missing')
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (file: string, options: ExperimentOptions, command: Command) => {
      await experiment(file, options, adapterOf(command).adapter);
    });
}

async function experiment(file: string, options: ExperimentOptions, adapter: string | undefined): Promise<void> {
  const { out, resume = false, quiet, pixelSpacing } = options;
  const plan = planExperiment(await readYamlFile(file), file);
  const own = plan.experiment.data === PHANTOM ? PHANTOM : resolve(dirname(file), plan.experiment.data);
  const say = (line: string): void => {
    if (!quiet) process.stderr.write(`${line}\n`);
  };
  const device = await openNodeDevice(adapter ? { adapter } : {});
  try {
    await stopOnInterrupt(async (signal) => {
      const data = options.data ?? own;
      const records = await runExperiment({ plan, data, out, resume, device, pixelSpacingMm: pixelSpacing, quiet, say, signal });
      if (!quiet) process.stdout.write(`${out}/results.md: ${records.length} of ${plan.runs.length} runs. ${NOTICE}\n`);
    });
  } finally {
    device.destroy();
  }
}
