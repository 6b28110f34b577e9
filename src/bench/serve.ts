import type { ShapedArray } from '../autograd/parameters.js';
import { repeat, start, type Started } from './measure.js';
import { operationsOf } from './operations.js';
import type { Environment } from './row.js';
import type { BuildContext } from './runnable.js';
import { addOutputs } from './run.js';
import type { Workload } from './workloads.js';

export interface ServeChannel {
  /** Requests: `rep OPERATION`, `end`. */
  readonly lines: AsyncIterable<string>;
  readonly print: (reply: object) => void;
}

/**
 * One engine of an interleaved comparison: every operation runs once and reports, then each request runs one more repetition, so that
 * whoever asks can rotate between engines. Returns the outputs at the end.
 */
export async function serve(
  workload: Workload,
  context: BuildContext,
  openMs: number,
  where: Environment,
  { lines, print }: ServeChannel,
): Promise<Map<string, ShapedArray>> {
  const started = new Map<string, Started>();
  for (const operation of operationsOf(workload)) {
    try {
      const first = await start(operation, context, openMs, true);
      started.set(operation.name, first);
      print({ op: operation.name, firstMs: first.firstMs, gpuBytesPeak: first.gpuBytesPeak });
    } catch (error) {
      print({ op: operation.name, error: messageOf(error) });
    }
  }
  for await (const line of lines) {
    const [verb, op = ''] = line.trim().split(/\s+/);
    if (verb === 'end') break;
    const runnable = verb === 'rep' ? started.get(op)?.runnable : undefined;
    if (!runnable) print({ op, error: `unknown request "${line}"; expected "rep ${[...started.keys()].join('|')}" or "end"` });
    else {
      try {
        print({ op, ms: (await repeat(runnable)).ms });
      } catch (error) {
        print({ op, error: messageOf(error) });
      }
    }
  }
  const outputs = new Map<string, ShapedArray>();
  for (const first of started.values()) await addOutputs(outputs, first);
  const gpuBytesPeak = Math.max(0, ...[...started.values()].map((s) => s.gpuBytesPeak));
  for (const { runnable } of started.values()) runnable.destroy();
  print({ done: true, gpuBytesPeak, version: where.version, adapter: where.adapter });
  return outputs;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
