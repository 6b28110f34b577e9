import { dirname, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { UserError } from '../errors.js';
import type { LocatedSet } from '../experiment/evaluations.node.js';
import { planExperiment, type EvaluationSet } from '../experiment/plan.js';
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
  readonly evaluationData: Readonly<Record<string, string>>;
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
    .option('--evaluation-data <dataset=dir>', 'where an annotated set of the file lies; may be repeated', collectFolder, {})
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
  const evaluate = locate(plan.experiment.evaluate, options.evaluationData, file, say);
  const device = await openNodeDevice(adapter ? { adapter } : {});
  try {
    await stopOnInterrupt(async (signal) => {
      const data = options.data ?? own;
      const records = await runExperiment({ plan, data, evaluate, out, resume, device, pixelSpacingMm: pixelSpacing, quiet, say, signal });
      if (!quiet) process.stdout.write(`${out}/results.md: ${records.length} of ${plan.runs.length} runs. ${NOTICE}\n`);
    });
  } finally {
    device.destroy();
  }
}

function collectFolder(text: string, all: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError(`'${text}' is not DATASET=DIR; write it as cbis-crops=FOLDER.`);
  return { ...all, [text.slice(0, at)]: text.slice(at + 1) };
}

/** The sets of an experiment whose folder is known; the others are named and left out. @throws UserError for a folder of none of them */
function locate(
  sets: readonly EvaluationSet[],
  folders: Readonly<Record<string, string>>,
  file: string,
  say: (line: string) => void,
): LocatedSet[] {
  const names = sets.map(({ dataset }) => dataset as string);
  const stray = Object.keys(folders).find((name) => !names.includes(name));
  if (stray !== undefined)
    throw new UserError(`--evaluation-data ${stray}: expected one of the sets of ${file}: ${names.join(', ') || 'it has none'}.`);
  return sets.flatMap((set) => {
    const own = set.data === undefined ? undefined : resolve(dirname(file), set.data);
    const data = folders[set.dataset] ?? own;
    if (data !== undefined) return [{ ...set, data }];
    say(`${set.dataset} is left out: where it lies was not said. Add --evaluation-data ${set.dataset}=DIR, now or later with --resume.`);
    return [];
  });
}
