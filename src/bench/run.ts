import type { ShapedArray } from '../autograd/parameters.js';
import { measure, start, type MeasureOptions, type Started } from './measure.js';
import { operationsOf } from './operations.js';
import { rowOf, type Environment, type Row } from './row.js';
import type { BuildContext, Operation } from './runnable.js';
import type { Workload } from './workloads.js';

export interface RunOptions extends MeasureOptions {
  readonly openMs: number;
  readonly environment: Environment;
  /** Which of the workload's operations; default: all. */
  readonly only?: ((operation: Operation) => boolean) | undefined;
  /** Receives the outputs, where wanted. */
  readonly outputs?: Map<string, ShapedArray> | undefined;
  readonly onRow?: ((row: Row) => void) | undefined;
}

/** Measures the operations of a workload one after the other, each alone on the device. */
export async function runWorkload(workload: Workload, context: BuildContext, options: RunOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of operationsOf(workload).filter(options.only ?? (() => true))) {
    const started = await start(operation, context, options.openMs, options.outputs !== undefined);
    const row = rowOf(workload.name, started, await measure(started.runnable, options), options.environment);
    rows.push(row);
    options.onRow?.(row);
    if (options.outputs) await addOutputs(options.outputs, started);
    started.runnable.destroy();
  }
  return rows;
}

/** Adds what the operation computed; the first result of single operations also stands under the name `y`. */
export async function addOutputs(outputs: Map<string, ShapedArray>, { runnable, outputs: ofFirstStep }: Started): Promise<void> {
  for (const [name, array] of ofFirstStep ?? (await runnable.outputs())) {
    if (name.startsWith('y.') && !outputs.has('y')) outputs.set('y', array);
    outputs.set(name, array);
  }
}
