// One call of `mcgpu bench`: from what was asked to rows, tables and files.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ShapedArray } from '../autograd/parameters.js';
import { SHIPPED_MODEL } from '../detect/shipped-model.node.js';
import { UserError } from '../errors.js';
import { makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import { tuningOrigin, useTuning } from '../kernels/tune.js';
import type { Device } from '../runtime/device.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import type { ElementType } from '../runtime/storage.js';
import { exportTuning } from '../runtime/tuning.js';
import { readTuningFile, writeTuningFile } from '../runtime/tuning-file.node.js';
import { readArrays, writeArrays } from './array-files.node.js';
import { checkGradients, CORRECT_WORKLOADS, correctTable, failureOf, type CorrectRow } from './correct.js';
import { readOldRun, type OldRun } from './compare.js';
import { dataTable, measureData } from './data.node.js';
import { dumpWgsl } from './dump-wgsl.node.js';
import { seededInputs, withGiven } from './inputs.js';
import { measureMemory, memoryTable } from './memory.js';
import { peerMarkdown } from './peer-table.js';
import { mcgpuCommand, peerCommands, runPeers } from './peers.node.js';
import { rooflineSvg } from './roofline-svg.js';
import { residentBytes } from './resident.node.js';
import type { Environment, Row } from './row.js';
import { runEntries } from './run.js';
import type { BuildContext } from './runnable.js';
import { scalingTable } from './scaling.js';
import { serve } from './serve.js';
import { entriesOf, filterEntries, findWorkload, groupEntries, TUNED_BY_DEFAULT, type Entry, type Group } from './suite.js';
import { heading, rowTable, timelineTable } from './table.js';
import { gainTable, tunedTable, tuneEntries } from './tune.js';

export interface BenchRequest {
  /** Null: the short set, or the one workload. */
  readonly group: Group | null;
  readonly workload?: string | undefined;
  readonly filter?: string | undefined;
  readonly reps?: number | undefined;
  readonly profile?: boolean | undefined;
  /** How feature maps are stored; default f32. */
  readonly precision?: ElementType | undefined;
  readonly memoryBudgetBytes?: number | undefined;
  readonly inputFile?: string | undefined;
  readonly outputFile?: string | undefined;
  readonly compareFile?: string | undefined;
  readonly dumpWgslFolder?: string | undefined;
  /** Where to write the choices of a tuning run; nothing else is then measured. */
  readonly tuneFile?: string | undefined;
  /** Choices to measure with. */
  readonly tuningFile?: string | undefined;
  /** Where files go; default: bench/results of a checkout for whole groups. */
  readonly resultsFolder?: string | undefined;
  readonly adapter?: string | undefined;
  readonly environment: (device: Device) => Promise<Omit<Environment, 'precision'>>;
  /** For people: tables. */
  readonly say: (text: string) => void;
  /** For people who wait. */
  readonly progress: (text: string) => void;
  /** For programs: one line of JSON per figure. */
  readonly emit: (row: object) => void;
  readonly warn: (message: string) => void;
  /** What could not be measured, of several. */
  readonly fail: (message: string) => void;
}

interface Session {
  readonly request: BenchRequest;
  readonly device: Device;
  readonly openMs: number;
  readonly environment: Environment;
}

const PEER_WORKLOADS = ['T', 'I', 'M'];
const DEFAULT_PEER_REPS = 5;
const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url)); // the same from src/bench and dist/bench

/** @throws UserError for unknown names, a comparison with another adapter, a budget below the minimum */
export async function runBench(request: BenchRequest): Promise<void> {
  const { group, tuneFile } = request;
  refuseHalfPeers(request);
  if (tuneFile !== undefined) return tune(request, tuneFile);
  const entries = entriesFor(request, await inputsFor(request));
  const { environment } = await withDevice(request, async (session) => {
    const old = await oldRun(session);
    if (group !== 'peers') request.say(heading(session.environment)); // their table has one of its own
    await report(session, await measureEntries(session, entries), old);
    if (group === 'correct') await correct(session);
    if (group === 'memory' || group === 'all') await memory(session);
    if (request.dumpWgslFolder !== undefined) await dumpWgsl(session.device, request.dumpWgslFolder);
    return session;
  });
  if (group === 'data' || group === 'all') await data(request, environment);
  if (group === 'peers' || group === 'all') await peers(request, environment);
}

/** @throws UserError */
function refuseHalfPeers({ group, precision }: BenchRequest): void {
  if (precision !== 'f16' || (group !== 'peers' && group !== 'all')) return;
  throw new UserError(
    `The group ${group} compares with other engines, which store maps in f32; drop --precision f16 or name another group.`,
  );
}

/** Times the candidates of every op that the workloads use, writes the choices, and shows what they gain. */
async function tune(request: BenchRequest, file: string): Promise<void> {
  const { tuningFile, say, emit, progress } = request;
  if (tuningFile !== undefined) throw new UserError('Both --tune and --tuning were given, expected one of them: drop the other.');
  const entries = entriesToTune(request, await inputsFor(request));
  await withDevice(request, async ({ device, environment }) => {
    say(heading(environment));
    const result = await tuneEntries(entries, contextOf(request, device), {
      reps: request.reps,
      onOp: (op) => {
        progress(`${op.key}: ${op.choice}`);
        emit({ tuned: op, ...environment });
      },
      onGain: (gain) => emit({ ...gain, ...environment }),
    });
    await writeTuningFile(file, exportTuning(result.tuning, await tuningOrigin(device)));
    say(`\n${tunedTable(result.ops)}\n\n${gainTable(result.gains)}\n\nwrote ${file}; use it with --tuning ${file}`);
  });
}

/** @throws UserError for groups that run nothing on the GPU */
function entriesToTune(request: BenchRequest, inputs: Map<string, ShapedArray> | undefined): Entry[] {
  const { group, workload, filter } = request;
  if (group === null && workload === undefined) {
    const entries = TUNED_BY_DEFAULT.flatMap((name) => entriesOf(findWorkload(name)));
    return filterEntries(entries, filter);
  }
  const entries = entriesFor(request, inputs);
  if (entries.length > 0) return entries;
  throw new UserError(`The group ${group} runs nothing that could be tuned. Give --workload NAME or another group.`);
}

/** Writes what seed 1 gives. */
export async function writeInputs(workloadName: string, file: string): Promise<void> {
  await writeArrays(file, seededInputs(findWorkload(workloadName)));
}

/** Answers requests on the standard input; see serve. */
export async function serveWorkload(request: BenchRequest & { readonly workload: string }): Promise<void> {
  const workload = findWorkload(request.workload);
  const inputs = (await inputsFor(request)) ?? seededInputs(workload);
  await withDevice(request, async ({ device, openMs, environment }) => {
    const keepOutputs = async (outputs: ReadonlyMap<string, ShapedArray>): Promise<void> => {
      if (request.outputFile !== undefined) await writeArrays(request.outputFile, outputs);
    };
    await serve(workload, { ...contextOf(request, device), inputs }, openMs, environment, {
      lines: requests(),
      print: request.emit,
      keep: keepOutputs,
    });
  });
}

/** Lines of the standard input, read only when they are asked for: readline drops those that arrive before. */
async function* requests(): AsyncGenerator<string> {
  yield* createInterface({ input: process.stdin });
}

async function withDevice<T>(request: BenchRequest, use: (session: Session) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const device = await open(request);
  const openMs = performance.now() - startedAt;
  try {
    for (const line of await tuned(request, device)) request.warn(line);
    const environment = { ...(await request.environment(device)), precision: request.precision ?? 'f32' };
    return await use({ request, device, openMs, environment });
  } finally {
    device.destroy();
  }
}

function open({ adapter }: BenchRequest): Promise<Device> {
  return openNodeDevice({ preciseTimestamps: true, ...(adapter ? { adapter } : {}) });
}

/** Gives the device the table that was asked for. @returns warnings */
async function tuned({ tuningFile }: BenchRequest, device: Device): Promise<readonly string[]> {
  return tuningFile === undefined ? [] : useTuning(device, await readTuningFile(tuningFile));
}

function contextOf({ memoryBudgetBytes, precision }: BenchRequest, device: Device): Omit<BuildContext, 'inputs'> {
  return { device, memoryBudgetBytes, precision, modelFile: () => readWholeFile(SHIPPED_MODEL) };
}

async function inputsFor({ workload, inputFile }: BenchRequest): Promise<Map<string, ShapedArray> | undefined> {
  if (inputFile === undefined) return undefined;
  if (workload === undefined) throw new UserError('--input needs --workload: its tensors are those of one workload. Add --workload NAME.');
  return withGiven(seededInputs(findWorkload(workload)), await readArrays(inputFile), inputFile);
}

function entriesFor({ group, workload, filter }: BenchRequest, inputs: Map<string, ShapedArray> | undefined): Entry[] {
  if (group === 'peers' || group === 'data' || group === 'memory' || group === 'correct') return [];
  const entries = workload === undefined ? groupEntries(group) : entriesOf(findWorkload(workload), inputs);
  return filterEntries(entries, filter);
}

async function oldRun({ request: { compareFile }, environment }: Session): Promise<OldRun | undefined> {
  if (compareFile === undefined) return undefined;
  return readOldRun(new TextDecoder().decode(await readWholeFile(compareFile)), compareFile, environment);
}

async function measureEntries({ request, device, openMs, environment }: Session, entries: readonly Entry[]): Promise<Row[]> {
  if (entries.length === 0) return [];
  const outputs = request.outputFile === undefined ? undefined : new Map<string, ShapedArray>();
  const rows = await runEntries(entries, contextOf(request, device), {
    openMs,
    environment,
    reps: request.reps,
    profile: request.profile,
    cpuMs: processCpuMs,
    outputs,
    onStart: ({ workload, operation }) => request.progress(`${workload} ${operation.name}`),
    onRow: request.emit,
    // One operation that does not fit must not cost the figures of the others.
    onFailure: entries.length > 1 && request.workload === undefined ? request.fail : undefined,
  });
  if (request.outputFile !== undefined && outputs) await writeArrays(request.outputFile, outputs);
  return rows;
}

/** Tables for people, and the files of the group. */
async function report({ request, environment }: Session, rows: readonly Row[], old: OldRun | undefined): Promise<void> {
  if (rows.length === 0) return;
  request.say(`\n${rowTable(rows, old)}`);
  if (request.group === 'scaling') request.say(`\n${scalingTable(rows)}`);
  for (const { workload, op, timeline, gpu } of rows) {
    if (timeline && gpu) request.say(`\n${workload} ${op}, ${gpu.medianMs.toFixed(1)} ms on the GPU\n${timelineTable(timeline)}`);
  }
  for (const note of new Set(rows.map(({ gpu }) => gpu?.note))) if (note) request.say(`\nNote: ${note}.`);
  const title = request.group ?? request.workload ?? 'short';
  const roofline = picture(rows, environment);
  if (roofline !== null) await keep(request, `${title}-roofline`, environment, 'svg', roofline);
  await keep(request, title, environment, 'jsonl', asLines(rows));
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function picture(rows: readonly Row[], environment: Environment): string | null {
  const points = rows.flatMap(({ op, rates }) => (rates ? [{ ...rates, name: op }] : []));
  const [first] = points;
  if (!first) return null;
  return rooflineSvg(points, first, heading(environment).replace('\n', '; '));
}

/** Every size is checked, whatever the others said. */
async function correct({ request, device, environment }: Session): Promise<void> {
  const chosen = filterEntries(
    CORRECT_WORKLOADS.flatMap((workload) => entriesOf(workload)),
    request.filter,
  ).map(({ workload }) => workload);
  const rows: CorrectRow[] = [];
  for (const workload of CORRECT_WORKLOADS.filter(({ name }) => chosen.includes(name))) {
    request.progress(`${workload.name} on the device and in float64`);
    const row = await checkGradients(workload, contextOf(request, device), environment);
    request.emit(row);
    rows.push(row);
  }
  request.say(`\n${correctTable(rows)}`);
  for (const row of rows) if (!row.passed) request.fail(failureOf(row));
  await keep(request, 'correct', environment, 'jsonl', asLines(rows));
}

async function memory({ request, device, environment }: Session): Promise<void> {
  const entries = filterEntries(
    request.workload === undefined
      ? groupEntries('all').filter((e) => e.workload !== 'kernels')
      : entriesOf(findWorkload(request.workload)),
    request.filter,
  ).filter(({ workload }) => workload !== 'C-full');
  const openTuned = async (): Promise<Device> => {
    const own = await open(request);
    await tuned(request, own);
    return own;
  };
  const rows = await measureMemory(entries, { ...contextOf(request, device), open: openTuned, residentBytes }, environment);
  rows.forEach(request.emit);
  request.say(`\n${memoryTable(rows)}`);
  await keep(request, 'memory', environment, 'jsonl', asLines(rows));
}

async function data(request: BenchRequest, environment: Environment): Promise<void> {
  const rows = (await measureData()).map((row) => ({ ...row, ...environment }));
  rows.forEach(request.emit);
  request.say(`\n${dataTable(rows)}`);
  await keep(request, 'data', environment, 'jsonl', asLines(rows));
}

async function peers(request: BenchRequest, environment: Environment): Promise<void> {
  const { workload, reps = DEFAULT_PEER_REPS, adapter, progress } = request;
  const names = workload === undefined ? PEER_WORKLOADS : [workload];
  const engines = [mcgpuCommand(), ...peerCommands()];
  const rows = [];
  for (const name of names) rows.push(...(await runPeers(findWorkload(name), { engines, reps, adapter, onProgress: progress })));
  rows.forEach(request.emit);
  const table = peerMarkdown(rows, environment, reps);
  request.say(`\n${table}`);
  const title = workload === undefined ? 'peers' : `peers-${workload}`;
  await keep(request, title, environment, 'md', table);
  await keep(request, title, environment, 'json', `${JSON.stringify({ environment, reps, rows }, null, 2)}\n`);
}

/** Writes a result under a name that tells the adapter; a part of a group only where a folder was asked for. */
async function keep(request: BenchRequest, title: string, environment: Environment, ending: string, content: string): Promise<void> {
  const partial = request.filter !== undefined || request.group === null || (request.workload !== undefined && request.group !== 'peers');
  const folder = request.resultsFolder ?? (partial ? undefined : checkoutResults());
  if (folder === undefined) return;
  const adapter = environment.adapter.toLowerCase().match(/[a-z0-9]+/)?.[0] ?? 'adapter';
  await makeFolder(folder);
  const file = join(folder, `${title}-${adapter}.${ending}`);
  await writeFileAtomic(file, content);
  request.progress(`wrote ${file}`);
}

/** An installed package has no place for results. */
function checkoutResults(): string | undefined {
  return existsSync(join(PACKAGE_ROOT, 'bench')) ? join(PACKAGE_ROOT, 'bench', 'results') : undefined;
}

function asLines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
