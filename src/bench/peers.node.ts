// The same workload on every engine, one repetition of each in turn, and their results side by side.
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';
import { siblingModule } from '../train/loader.node.js';
import { readArrays, writeArrays } from './array-files.node.js';
import { compareOutputs } from './compare-outputs.js';
import { seededInputs } from './inputs.js';
import { quantile } from './measure.js';
import { operationsOf } from './operations.js';
import { PeerProcess, type PeerCommand } from './peer-process.node.js';
import type { PeerRow } from './peer-table.js';
import type { NamedArrays } from './runnable.js';
import type { Workload } from './workloads.js';

const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url)); // the same from src/bench and dist/bench

export interface PeersOptions {
  readonly engines: readonly PeerCommand[];
  readonly reps: number;
  /** Part of an adapter's name, for the engines that use one. */
  readonly adapter?: string | undefined;
  /** Longest wait for one answer; the first of some engines takes minutes. */
  readonly timeoutMs?: number;
  readonly onProgress?: (text: string) => void;
}

/** Engine whose outputs are the second reference. */
const PYTORCH = 'pytorch';
const DEFAULT_TIMEOUT_MS = 15 * 60_000;

/** This engine, in a process of its own like the others. */
export function mcgpuCommand(): PeerCommand {
  const main = siblingModule('../cli/main', import.meta.url);
  const script = `import { run } from ${JSON.stringify(main.href)}; process.exitCode = await run(process.argv.slice(1));`;
  const typescript = main.pathname.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const node = [process.execPath, ...typescript, '--input-type=module', '-e', script, '--'];
  return { name: 'mcgpu', command: [...node, 'bench', '--serve'] };
}

/**
 * The scripts below bench/peers of a checkout, by name.
 * @throws UserError where there are none: an installed package does not have them
 */
export function peerCommands(folder = join(PACKAGE_ROOT, 'bench', 'peers')): PeerCommand[] {
  const names = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory()) : [];
  const commands = names.flatMap(({ name }): PeerCommand[] => {
    const [script, python] = [join(folder, name, 'peer.mjs'), join(folder, name, 'peer.py')];
    if (existsSync(script)) return [{ name, command: [process.execPath, script] }];
    return existsSync(python) ? [{ name, command: ['python3', python] }] : [];
  });
  if (commands.length > 0) return commands.sort((a, b) => (a.name < b.name ? -1 : 1));
  throw new UserError(
    `${folder}: no other engines to compare with. Run this in a checkout of mcgpu, after \`npm ci --ignore-scripts --prefix bench/peers\`.`,
  );
}

interface Engine {
  readonly name: string;
  readonly process: PeerProcess;
  readonly outputFile: string;
  readonly results: ReadonlyMap<string, OpResult>;
  readonly last: { version: string | null; adapter: string | null; gpuBytesPeak: number | null; outputs: NamedArrays };
}

interface OpResult {
  firstMs: number | null;
  gpuBytesPeak: number | null;
  readonly times: number[];
  error: string | null;
}

/** Rows of one workload, operation by operation, engine by engine. */
export async function runPeers(workload: Workload, options: PeersOptions): Promise<PeerRow[]> {
  const { engines, reps, adapter, timeoutMs = DEFAULT_TIMEOUT_MS, onProgress } = options;
  const folder = await mkdtemp(join(tmpdir(), 'mcgpu-peers-'));
  const running: Engine[] = [];
  try {
    const input = join(folder, 'input.safetensors');
    await writeArrays(input, seededInputs(workload));
    const ops = operationsOf(workload).map(({ name }) => name);
    for (const command of engines) {
      onProgress?.(`${workload.name}: ${command.name} prepares`);
      const outputFile = join(folder, `${command.name}.safetensors`);
      const args = ['--workload', workload.name, '--input', input, '--output', outputFile, '--reps', String(reps)];
      if (adapter !== undefined) args.push('--adapter', adapter);
      const engine: Engine = {
        name: command.name,
        process: new PeerProcess(command, args, timeoutMs),
        outputFile,
        results: new Map(ops.map((op) => [op, { firstMs: null, gpuBytesPeak: null, times: [], error: null }])),
        last: { version: null, adapter: null, gpuBytesPeak: null, outputs: new Map() },
      };
      running.push(engine);
      await prepare(engine);
    }
    for (let rep = 0; rep < reps; rep++) {
      onProgress?.(`${workload.name}: repetition ${rep + 1} of ${reps}`);
      for (const op of ops) for (const engine of running) await repeatOnce(engine, op);
    }
    for (const engine of running) await finish(engine);
    return ops.flatMap((op) => running.map((engine) => rowOf(workload, op, engine, running)));
  } finally {
    await Promise.all(running.map((engine) => engine.process.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes the report of every operation's first execution. */
async function prepare({ process, results }: Engine): Promise<void> {
  for (let i = 0; i < results.size; i++) {
    const reply = await process.next();
    const result = results.get(reply.op ?? '');
    if (result) {
      result.firstMs = reply.firstMs ?? null;
      result.gpuBytesPeak = reply.gpuBytesPeak ?? null;
      result.error = reply.error ?? null;
    } else if (reply.error !== undefined) {
      for (const silent of results.values()) if (silent.firstMs === null) silent.error ??= reply.error;
      return;
    }
  }
}

async function repeatOnce({ process, results }: Engine, op: string): Promise<void> {
  const result = results.get(op);
  if (result?.error !== null) return;
  process.ask(`rep ${op}`);
  const { ms, error } = await process.next();
  if (ms !== undefined) result.times.push(ms);
  else result.error = error ?? 'it answered without a time';
}

async function finish({ process, last, outputFile }: Engine): Promise<void> {
  if (!process.alive) return;
  process.ask('end');
  const { version = null, adapter = null, gpuBytesPeak = null } = await process.next();
  await process.close();
  Object.assign(last, { version, adapter, gpuBytesPeak });
  if (existsSync(outputFile)) last.outputs = await readArrays(outputFile);
}

function rowOf({ name }: Workload, op: string, engine: Engine, all: readonly Engine[]): PeerRow {
  const { firstMs = null, gpuBytesPeak = null, times = [], error = null } = engine.results.get(op) ?? {};
  const against = (wanted: (engineName: string) => boolean): number | null => {
    const reference = all.find((other) => wanted(other.name) && other !== engine)?.last.outputs;
    return reference && error === null ? compareOutputs(op, engine.last.outputs, reference) : null;
  };
  return {
    workload: name,
    op,
    engine: engine.name,
    version: engine.last.version,
    adapter: engine.last.adapter,
    medianMs: times.length > 0 ? quantile(times, 0.5) : null,
    minMs: times.length > 0 ? quantile(times, 0) : null,
    p90Ms: times.length > 0 ? quantile(times, 0.9) : null,
    reps: times.length,
    firstMs,
    gpuBytesPeak: gpuBytesPeak ?? engine.last.gpuBytesPeak,
    fromMcgpu: against((other) => other === 'mcgpu'),
    fromPytorch: against((other) => other.includes(PYTORCH)),
    error,
  };
}
