// `mcgpu bench --tune`: measures the candidates of every op that workloads use, and what the choices gain.
import { tuneOp, type TunedOp } from '../kernels/tune.js';
import { Tuning, type Ask } from '../runtime/tuning.js';
import { quantile, repeat } from './measure.js';
import type { BuildContext, Runnable } from './runnable.js';
import type { Entry } from './suite.js';
import { short, textTable } from './table.js';

/** One workload with the usual candidates and with the chosen ones, measured in turn. */
export interface Gain {
  readonly workload: string;
  readonly op: string;
  /** Medians. */
  readonly usualMs: number;
  readonly tunedMs: number;
  /** Fastest usual over fastest tuned run, which other programs disturb the least; above 1 the table pays. */
  readonly gain: number;
}

export interface TuneOptions {
  /** Repetitions of every workload for the gain. */
  readonly reps?: number | undefined;
  readonly onOp?: ((op: TunedOp) => void) | undefined;
  readonly onGain?: ((gain: Gain) => void) | undefined;
}

export interface TuneResult {
  readonly ops: readonly TunedOp[];
  readonly gains: readonly Gain[];
  readonly tuning: Tuning;
}

const GAIN_REPS = 7;

type Context = Omit<BuildContext, 'inputs'>;

/** Leaves the table with the device. */
export async function tuneEntries(entries: readonly Entry[], context: Context, { reps, onOp, onGain }: TuneOptions): Promise<TuneResult> {
  const { device } = context;
  const ops = new Map<string, TunedOp>();
  const tuning = (): Tuning => new Tuning(new Map([...ops].map(([key, { choice }]) => [key, choice])));
  // A choice may bring ops of its own: until nothing new is asked for.
  for (;;) {
    const asked = await askedBy(entries, context, tuning());
    const asks = [...asked].filter(([key]) => !ops.has(key));
    if (asks.length === 0) break;
    for (const [key, ask] of asks) {
      const tuned = await tuneOp(device, ask);
      ops.set(key, tuned);
      onOp?.(tuned);
    }
  }
  const gains: Gain[] = [];
  for (const entry of entries) {
    const gain = await measureGain(entry, context, tuning(), reps ?? GAIN_REPS);
    gains.push(gain);
    onGain?.(gain);
  }
  device.tuning = tuning();
  return { ops: [...ops.values()], gains, tuning: device.tuning };
}

/** What the workloads ask for with this table. */
async function askedBy(entries: readonly Entry[], context: Context, tuning: Tuning): Promise<ReadonlyMap<string, Ask>> {
  const asked = new Map<string, Ask>();
  for (const entry of entries) {
    const own = new Tuning(tuning.choices);
    const runnable = await startWith(entry, context, own);
    runnable.destroy();
    for (const [key, ask] of own.asked) if (!asked.has(key)) asked.set(key, ask);
  }
  return asked;
}

/** Runs once: detection records its programs only then. */
async function startWith({ operation, inputs }: Entry, context: Context, tuning: Tuning): Promise<Runnable> {
  context.device.tuning = tuning;
  const runnable = await operation.build({ ...context, inputs: inputs() });
  runnable.step();
  await runnable.wait();
  return runnable;
}

async function measureGain(entry: Entry, context: Context, tuning: Tuning, reps: number): Promise<Gain> {
  const usual = await startWith(entry, context, new Tuning());
  const tuned = await startWith(entry, context, tuning);
  try {
    const times: { readonly usual: number; readonly tuned: number }[] = [];
    for (let rep = 0; rep < reps; rep++) times.push({ usual: (await repeat(usual)).ms, tuned: (await repeat(tuned)).ms });
    const [usualTimes, tunedTimes] = [times.map((t) => t.usual), times.map((t) => t.tuned)];
    return {
      workload: entry.workload,
      op: entry.operation.name,
      usualMs: quantile(usualTimes, 0.5),
      tunedMs: quantile(tunedTimes, 0.5),
      gain: Math.min(...usualTimes) / Math.min(...tunedTimes),
    };
  } finally {
    tuned.destroy();
    usual.destroy();
  }
}

/** What was measured for every key. */
export function tunedTable(ops: readonly TunedOp[]): string {
  return textTable(ops, [
    { title: 'op', cell: ({ key }) => key },
    { title: 'tried', cell: ({ medianMs }) => String(Object.keys(medianMs).length) },
    { title: 'usual', cell: ({ usual }) => usual },
    { title: 'ms', cell: ({ usual, medianMs }) => short(medianMs[usual] ?? NaN) },
    { title: 'choice', cell: ({ choice, usual }) => (choice === usual ? 'the same' : choice) },
    { title: 'ms', cell: ({ choice, usual, medianMs }) => (choice === usual ? '' : short(medianMs[choice] ?? NaN)) },
    { title: 'worst ms', cell: ({ medianMs }) => short(Math.max(...Object.values(medianMs))) },
  ]);
}

/** What a start without a table may cost at most. */
const COLD_START = 1.3;

export function gainTable(gains: readonly Gain[]): string {
  return textTable(gains, [
    { title: 'workload', cell: ({ workload, op }) => `${workload} ${op}` },
    { title: 'usual ms', cell: ({ usualMs }) => short(usualMs) },
    { title: 'tuned ms', cell: ({ tunedMs }) => short(tunedMs) },
    { title: 'fastest: usual/tuned', cell: ({ gain }) => gain.toFixed(2) },
    { title: `within ${COLD_START}`, cell: ({ gain }) => (gain <= COLD_START ? 'yes' : 'no') },
  ]);
}
