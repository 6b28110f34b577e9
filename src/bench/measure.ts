import { quantile as sortedQuantile } from '../evaluate/bootstrap.js';
import type { BuildContext, NamedArrays, Operation, Runnable } from './runnable.js';

export interface MeasureOptions {
  /** Repetitions; default: as many as fit the time budget, but a few at least. */
  readonly reps?: number | undefined;
  readonly budgetMs?: number | undefined;
  /** Milliseconds of processor time that this process has used, where the platform tells. */
  readonly cpuMs?: (() => number) | undefined;
}

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly p90Ms: number;
  readonly reps: number;
  /** JavaScript's time to encode and submit, median, minimum and 90th percentile; null where steps are not submitted in one go. */
  readonly jsMsPerStep: number | null;
  readonly jsMinMs: number | null;
  readonly jsP90Ms: number | null;
  /** Processor time of all threads of this process per step: on a software adapter, what the kernels cost, whoever shares the cores. */
  readonly cpuMsPerStep: number | null;
}

/** An operation after its first execution. */
export interface Started {
  readonly operation: Operation;
  readonly runnable: Runnable;
  /** From opening the device to the end of the first execution, shader compilation included; other operations not counted. */
  readonly firstMs: number;
  readonly gpuBytesPeak: number;
  /** Filled where the outputs are those of the first step and somebody wants them. */
  readonly outputs: NamedArrays | null;
}

const LEAST_REPS = 5;
/** Of steps so slow that five would take minutes. */
const LEAST_SLOW_REPS = 3;
const SLOW_MS = 30_000;
const MOST_REPS = 1000;
const DEFAULT_BUDGET_MS = 4000;

/** Whether so many repetitions that took so long are enough. */
function enough(count: number, elapsedMs: number, { reps, budgetMs = DEFAULT_BUDGET_MS }: MeasureOptions): boolean {
  if (reps !== undefined) return count >= reps;
  const least = elapsedMs > SLOW_MS ? LEAST_SLOW_REPS : LEAST_REPS;
  return count >= MOST_REPS || (count >= least && elapsedMs >= budgetMs);
}

/** Builds an operation and runs it once. @param openMs what opening the device took */
export async function start(operation: Operation, context: BuildContext, openMs: number, wantOutputs: boolean): Promise<Started> {
  const { device } = context;
  const before = (device.peakBytes = device.allocatedBytes);
  const startedAt = performance.now();
  const runnable = await operation.build(context);
  runnable.step();
  await runnable.wait();
  const firstMs = openMs + performance.now() - startedAt;
  const gpuBytesPeak = device.peakBytes - before;
  const outputs = wantOutputs && operation.outputsOf === 'first step' ? await runnable.outputs() : null;
  return { operation, runnable, firstMs, gpuBytesPeak, outputs };
}

export interface Repetition {
  readonly ms: number;
  readonly jsMs: number;
}

/** One step, from its encoding until the GPU is done. */
export async function repeat(runnable: Runnable): Promise<Repetition> {
  const startedAt = performance.now();
  runnable.step();
  const submittedAt = performance.now();
  await runnable.wait();
  return { ms: performance.now() - startedAt, jsMs: submittedAt - startedAt };
}

/** Repeats an operation that has run before. */
export async function measure(runnable: Runnable, options: MeasureOptions = {}): Promise<Timing> {
  const { cpuMs } = options;
  const repetitions: Repetition[] = [];
  const cpuBefore = cpuMs?.() ?? NaN;
  const startedAt = performance.now();
  while (!enough(repetitions.length, performance.now() - startedAt, options)) repetitions.push(await repeat(runnable));
  const cpu = ((cpuMs?.() ?? NaN) - cpuBefore) / repetitions.length;
  const ms = repetitions.map((r) => r.ms);
  const js = runnable.program ? repetitions.map((r) => r.jsMs) : null;
  return {
    medianMs: quantile(ms, 0.5),
    minMs: quantile(ms, 0),
    p90Ms: quantile(ms, 0.9),
    reps: ms.length,
    jsMsPerStep: js && quantile(js, 0.5),
    jsMinMs: js && quantile(js, 0),
    jsP90Ms: js && quantile(js, 0.9),
    cpuMsPerStep: Number.isFinite(cpu) ? cpu : null,
  };
}

/** Value below which this part of the others lies; between two of them interpolated. */
export function quantile(values: readonly number[], part: number): number {
  return sortedQuantile(
    values.toSorted((a, b) => a - b),
    part,
  );
}
