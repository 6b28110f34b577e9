import { createInterface } from 'node:readline';
import { Option, type Command } from 'commander';
import { readArrays, writeArrays } from '../bench/array-files.node.js';
import { seededInputs, withGiven } from '../bench/inputs.js';
import type { Environment } from '../bench/row.js';
import { runWorkload } from '../bench/run.js';
import type { BuildContext } from '../bench/runnable.js';
import { serve } from '../bench/serve.js';
import { WORKLOADS, type Workload } from '../bench/workloads.js';
import { SHIPPED_MODEL } from '../detect/shipped-model.node.js';
import { UserError } from '../errors.js';
import { readWholeFile, writeFileAtomic } from '../files.node.js';
import type { Device } from '../runtime/device.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { currentCommit } from '../train/run-directory.node.js';
import { adapterOf, listAdapters } from './adapter-option.js';
import { version } from './program.js';
import { parseBytes, parseCount } from './values.js';

interface BenchOptions {
  readonly workload?: string;
  readonly json?: string;
  readonly input?: string;
  readonly output?: string;
  readonly writeInput?: string;
  readonly serve?: boolean;
  readonly reps?: number;
  readonly memoryBudget?: number;
}

/** `mcgpu bench`: how fast the engine is here, and how much memory it takes. */
export function registerBench(program: Command): void {
  program
    .command('bench')
    .description('measure speed and memory of the engine on the standard workloads')
    .option('--workload <name>', `one workload: ${WORKLOADS.map(({ name }) => name).join(', ')}`)
    .option('--json <file>', 'one line of JSON per measured operation; - for the standard output')
    .option('--input <file>', 'safetensors with the inputs of the workload: x, target, weights by name; default: drawn from seed 1')
    .option('--output <file>', 'write what was computed: logits; loss and grad.*; y')
    .option('--write-input <file>', 'write the inputs that seed 1 gives, and measure nothing')
    .option('--reps <n>', 'repetitions; default: as many as fit a few seconds', parseCount)
    .option('--memory-budget <bytes>', 'most GPU memory, e.g. 512MB', parseBytes)
    .addOption(new Option('--serve', 'run one repetition per line "rep OPERATION" of the standard input, until "end"').hideHelp())
    .action(async (options: BenchOptions, command: Command) => {
      await benchWorkload(findWorkload(options.workload ?? 'T'), options, adapterOf(command));
    });
}

function findWorkload(name: string): Workload {
  const found = WORKLOADS.find((w) => w.name === name);
  if (found) return found;
  const list = WORKLOADS.map((w) => `  ${w.name.padEnd(7)} ${w.summary}`).join('\n');
  throw new UserError(`There is no workload "${name}"; give one of these to --workload:\n${list}`);
}

async function benchWorkload(workload: Workload, options: BenchOptions, adapter: { adapter?: string }): Promise<void> {
  const seeded = seededInputs(workload);
  if (options.writeInput !== undefined) return writeArrays(options.writeInput, seeded);
  const inputs = options.input === undefined ? seeded : withGiven(seeded, await readArrays(options.input), options.input);
  const startedAt = performance.now();
  const device = await openNodeDevice(adapter);
  const openMs = performance.now() - startedAt;
  try {
    const environment = await describeEnvironment(device);
    const modelFile = (): Promise<Uint8Array> => readWholeFile(SHIPPED_MODEL);
    const context: BuildContext = { device, inputs, memoryBudgetBytes: options.memoryBudget, modelFile };
    const outputs = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    if (options.serve) {
      const print = (reply: object): void => void process.stdout.write(`${JSON.stringify(reply)}\n`);
      const served = await serve(workload, context, openMs, environment, { lines: requests(), print });
      if (options.output !== undefined) await writeArrays(options.output, served);
      return;
    }
    const rows = await runWorkload(workload, context, {
      openMs,
      environment,
      reps: options.reps,
      cpuMs: processCpuMs,
      outputs: options.output === undefined ? undefined : outputs,
    });
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    if (options.json === undefined || options.json === '-') process.stdout.write(text);
    else await writeFileAtomic(options.json, text);
    if (options.output !== undefined) await writeArrays(options.output, outputs);
  } finally {
    device.destroy();
  }
}

/** Lines of the standard input, read only when they are asked for: readline drops those that arrive before. */
async function* requests(): AsyncGenerator<string> {
  yield* createInterface({ input: process.stdin });
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function describeEnvironment({ adapter }: Device): Promise<Environment> {
  // WebGPU gives the name in lower case with dashes; Dawn's list has it as the driver writes it.
  const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '');
  const listed = (await listAdapters()).find(({ name }) => plain(name) === plain(adapter.device));
  return {
    adapter: listed?.name ?? adapter.device,
    driver: adapter.description,
    backend: listed?.backend ?? 'unknown',
    isFallbackAdapter: adapter.isFallbackAdapter,
    engine: 'mcgpu',
    version: version(),
    commit: await currentCommit(),
    date: new Date().toISOString(),
  };
}
