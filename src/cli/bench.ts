import { Option, type Command } from 'commander';
import type { Environment } from '../bench/row.js';
import type { BenchRequest } from '../bench/session.node.js';
import { describeWorkloads, findGroup, GROUPS, TUNED_BY_DEFAULT } from '../bench/suite.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../files.node.js';
import type { Device } from '../runtime/device.js';
import type { ElementType } from '../runtime/storage.js';
import { tuningId } from '../runtime/tuning.js';
import { currentCommit } from '../train/run-directory.node.js';
import { adapterOf, listAdapters, listedAdapter } from './adapter-option.js';
import { precisionOption } from './precision-option.js';
import { EXIT_USER_ERROR } from './errors.js';
import { version } from './program.js';
import { parseBytes, parseCount } from './values.js';

interface BenchOptions {
  readonly workload?: string;
  readonly filter?: string;
  readonly json?: string;
  readonly reps?: number;
  readonly profile?: boolean;
  readonly compare?: string;
  readonly out?: string;
  readonly dumpWgsl?: string;
  readonly memoryBudget?: number;
  readonly precision?: ElementType;
  readonly tune?: string | true;
  readonly tuning?: string;
  readonly input?: string;
  readonly output?: string;
  readonly writeInput?: string;
  readonly serve?: boolean;
}

/** Where --tune leaves its choices, in the working directory. */
const TUNING_FILE = 'tuning.json';

/** `mcgpu bench [GROUP]`: how fast the engine is here, and how much memory it takes. */
export function registerBench(program: Command): void {
  program
    .command('bench')
    .description('measure speed and memory of the engine, and compare it with others on the same adapter')
    .argument('[group]', `${GROUPS.join(', ')}; default: a short set of less than two minutes`)
    .option('--workload <name>', 'one workload alone (see below)')
    .option('--filter <regex>', 'only operations whose "WORKLOAD OPERATION" matches')
    .option('--json <file>', 'one line of JSON per figure; - for the standard output, without tables')
    .option('--reps <n>', 'repetitions; default: as many as fit a few seconds, for peers 5', parseCount)
    .option('--profile', 'time every kernel of a step on the GPU')
    .option('--compare <old.json>', 'add the ratio to the times of an earlier --json file of the same adapter and driver')
    .option('--out <dir>', 'folder for rows, tables and the roofline plot; default: bench/results of a checkout, for whole groups')
    .option('--dump-wgsl <dir>', 'write the WGSL of every kernel that ran, with the values of its override constants')
    .addOption(precisionOption())
    .option('--memory-budget <bytes>', 'most GPU memory, e.g. 512MB', parseBytes)
    .option(
      '--tune [file]',
      `time the candidates of every kernel that has several (of the workloads asked for; default: ${TUNED_BY_DEFAULT.join(', ')}), and write the choices; default: ${TUNING_FILE}`,
    )
    .option('--tuning <file>', 'use the choices that --tune wrote')
    .option('--input <file>', 'safetensors with inputs of the workload: x, target, weights by name; the rest is drawn from seed 1')
    .option('--output <file>', 'write what the measured run computed: logits; loss and grad.*; y')
    .option('--write-input <file>', 'write the inputs that seed 1 gives, and measure nothing')
    .addOption(new Option('--serve', 'run one repetition per line "rep OPERATION" of the standard input, until "end"').hideHelp())
    .addHelpText('after', `\nWorkloads:\n${describeWorkloads()}`)
    .action(async (group: string | undefined, options: BenchOptions, command: Command) => {
      await bench(group, options, adapterOf(command).adapter);
    });
}

async function bench(groupName: string | undefined, options: BenchOptions, adapter: string | undefined): Promise<void> {
  const { workload, json, writeInput } = options;
  const group = groupName === undefined ? null : findGroup(groupName);
  const session = await import('../bench/session.node.js'); // opens the GPU's library: not for --help
  const lines: string[] = [];
  const request: BenchRequest = {
    group,
    workload,
    filter: options.filter,
    reps: options.reps,
    profile: options.profile,
    precision: options.precision,
    memoryBudgetBytes: options.memoryBudget,
    inputFile: options.input,
    outputFile: options.output,
    tuneFile: options.tune === true ? TUNING_FILE : options.tune,
    tuningFile: options.tuning,
    compareFile: options.compare,
    dumpWgslFolder: options.dumpWgsl,
    resultsFolder: options.out,
    adapter,
    environment: describeEnvironment,
    say: (text) => {
      if (json !== '-') process.stdout.write(`${text}\n`);
    },
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
    },
    warn: (message) => process.stderr.write(`warning: ${message}\n`),
    fail: (message) => {
      process.stderr.write(`${message}\n`);
      process.exitCode = EXIT_USER_ERROR;
    },
    emit: (row) => {
      const line = `${JSON.stringify(row)}\n`;
      if (json === '-' || options.serve) process.stdout.write(line);
      else lines.push(line);
    },
  };
  if (writeInput !== undefined) return session.writeInputs(needed(workload, '--write-input'), writeInput);
  if (options.serve) return session.serveWorkload({ ...request, workload: needed(workload, '--serve') });
  try {
    await session.runBench(request);
  } finally {
    if (json !== undefined && json !== '-' && lines.length > 0) await writeFileAtomic(json, lines.join(''));
  }
}

function needed(workload: string | undefined, option: string): string {
  if (workload !== undefined) return workload;
  throw new UserError(`${option} was given without --workload. Add --workload NAME; there are:\n${describeWorkloads()}`);
}

async function describeEnvironment({ adapter, tuning }: Device): Promise<Omit<Environment, 'precision'>> {
  const listed = listedAdapter(adapter.device, await listAdapters());
  return {
    adapter: listed?.name ?? adapter.device,
    driver: adapter.description,
    backend: listed?.backend ?? 'unknown',
    isFallbackAdapter: adapter.isFallbackAdapter,
    tuning: await tuningId(tuning),
    engine: 'mcgpu',
    version: version(),
    commit: await currentCommit(),
    date: new Date().toISOString(),
  };
}
