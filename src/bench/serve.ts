import type { ShapedArray } from '../autograd/parameters.js';
import { repeat, start, type Started } from './measure.js';
import { operationsOf } from './operations.js';
import type { Environment } from './row.js';
import type { BuildContext, NamedArrays } from './runnable.js';
import { addOutputs } from './run.js';
import type { Workload } from './workloads.js';

export interface ServeChannel {
  /** Requests: `rep OPERATION`, `end`. */
  readonly lines: AsyncIterable<string>;
  readonly print: (reply: object) => void;
  /** Takes the outputs at the end, before the last reply. */
  readonly keep: (outputs: NamedArrays) => Promise<void>;
}

/**
 * One engine of an interleaved comparison: every operation runs once and reports, then each request runs one more repetition, so that
 * whoever asks can rotate between engines.
 */
export async function serve(
  workload: Workload,
  context: BuildContext,
  openMs: number,
  where: Environment,
  { lines, print, keep }: ServeChannel,
): Promise<void> {
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
    print(await answer(line, op, verb === 'rep' ? started.get(op) : undefined, [...started.keys()]));
  }
  const outputs = new Map<string, ShapedArray>();
  for (const first of started.values()) await addOutputs(outputs, first);
  const gpuBytesPeak = Math.max(0, ...[...started.values()].map((s) => s.gpuBytesPeak));
  for (const { runnable } of started.values()) runnable.destroy();
  await keep(outputs);
  print({ done: true, gpuBytesPeak, version: where.version, adapter: where.adapter });
}

async function answer(line: string, op: string, asked: Started | undefined, known: readonly string[]): Promise<object> {
  if (!asked) return { op, error: `unknown request "${line}"; expected "rep ${known.join('|')}" or "end"` };
  try {
    return { op, ms: (await repeat(asked.runnable)).ms };
  } catch (error) {
    return { op, error: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
