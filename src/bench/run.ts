import type { ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { profileProgram } from '../runtime/profiler.js';
import { calibrate, type Calibration, type CalibrationSize } from './calibrate.js';
import { measure, start, type MeasureOptions, type Started } from './measure.js';
import { rowOf, type Environment, type Row } from './row.js';
import type { BuildContext } from './runnable.js';
import type { Entry } from './suite.js';
import { gpuTime, timelineOf } from './timeline.js';

export interface RunOptions extends MeasureOptions {
  /** What opening the device took. */
  readonly openMs: number;
  readonly environment: Environment;
  /** Times every kernel of every step. */
  readonly profile?: boolean | undefined;
  /** Receives the outputs, where wanted. */
  readonly outputs?: Map<string, ShapedArray> | undefined;
  readonly calibration?: CalibrationSize | undefined;
  readonly onStart?: ((entry: Entry) => void) | undefined;
  readonly onRow?: ((row: Row) => void) | undefined;
  /** Called with what a failed entry said, and the others are measured; without it the first failure ends the run. */
  readonly onFailure?: ((message: string) => void) | undefined;
}

/** Replays with timestamps: few, since the fastest kernels are repeated by themselves. */
const PROFILE_RUNS = 5;

/** Measures the entries one after the other, each alone on the device. */
export async function runEntries(entries: readonly Entry[], context: Omit<BuildContext, 'inputs'>, options: RunOptions): Promise<Row[]> {
  const rated = entries.some(({ operation }) => operation.work);
  const calibration = rated ? await calibrate(context.device, options.calibration) : null;
  const rows: Row[] = [];
  for (const entry of entries) {
    options.onStart?.(entry);
    try {
      const row = await runEntry(entry, context, options, calibration);
      rows.push(row);
      options.onRow?.(row);
    } catch (error) {
      if (!options.onFailure || !(error instanceof UserError)) throw error;
      options.onFailure(`${entry.workload} ${entry.operation.name}: ${error.message}`);
    }
  }
  return rows;
}

async function runEntry(
  { workload, operation, inputs }: Entry,
  context: Omit<BuildContext, 'inputs'>,
  options: RunOptions,
  calibration: Calibration | null,
): Promise<Row> {
  const { outputs, openMs, environment } = options;
  const started = await start(operation, { ...context, inputs: inputs() }, openMs, outputs !== undefined);
  const { runnable } = started;
  try {
    const timing = await measure(runnable, options);
    if (outputs) await addOutputs(outputs, started);
    const { program } = runnable;
    const profiled = options.profile === true || operation.work !== undefined;
    const profile = program && profiled ? await profileProgram(context.device, program, PROFILE_RUNS) : null;
    const gpu = profile && gpuTime(profile);
    const timeline = profile && options.profile === true ? timelineOf(profile) : null;
    return rowOf({ workload, started, timing, gpu, timeline, calibration, environment });
  } finally {
    runnable.destroy();
  }
}

/** Adds what the operation computed; the first result of single operations also stands under the name `y`. */
export async function addOutputs(outputs: Map<string, ShapedArray>, { runnable, outputs: ofFirstStep }: Started): Promise<void> {
  for (const [name, array] of ofFirstStep ?? (await runnable.outputs())) {
    if (name.startsWith('y.') && !outputs.has('y')) outputs.set('y', array);
    outputs.set(name, array);
  }
}
