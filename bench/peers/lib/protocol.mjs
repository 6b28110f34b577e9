// The peer protocol: an engine is a child process that measures itself. It prints one JSON line per op after the first execution
// ({ op, firstMs, gpuBytesPeak }), one per `rep OP` line on stdin ({ op, ms }), and after `end` (or the end of stdin) writes the output
// file and prints { done, gpuBytesPeak, version, adapter }. A failure is { op, error } in the engine's own words. Nothing else on stdout.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { readTensors, writeTensors } from './safetensors.mjs';
import { WORKLOADS } from './workloads.mjs';

/** @typedef {import('./safetensors.mjs').Tensor} Tensor */
/** @typedef {Map<string, Tensor>} Tensors */

/**
 * One op of a workload, its inputs already on the device. `run` executes it once and waits until the device is done; `output` reads
 * the results of the first execution, by the names of the output file (an op of M: `y`).
 * @typedef {{ run: () => Promise<void>, output: () => Promise<Tensors> }} Op
 */

/**
 * @typedef {object} Engine
 * @property {string} version
 * @property {string} adapter
 * @property {(op: string, input: Tensors) => Promise<Op> | Op} prepare throws where the engine has no such op
 * @property {() => number | null} gpuBytesPeak largest sum of live GPU buffers so far; null where nobody can count them
 * @property {() => void} [checkErrors] throws what the device reported meanwhile
 */

/** @param {unknown} error */
export function errorText(error) {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** @param {readonly string[]} args */
export function parsePeerArgs(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workload: { type: 'string' },
      input: { type: 'string' },
      output: { type: 'string' },
      adapter: { type: 'string' }, // part of the adapter's name
      reps: { type: 'string' }, // how many `rep` lines will come per op; no engine here needs to know
    },
  });
  const { workload = '', input, output, adapter } = values;
  const ops = WORKLOADS[workload];
  if (!ops) throw new Error(`--workload: "${workload}" is none of ${Object.keys(WORKLOADS).join(', ')}.`);
  if (input === undefined || output === undefined) throw new Error('--input and --output: both files must be given.');
  return { workload, ops, input, output, adapter };
}

/** @typedef {{ lines: AsyncIterable<string> | Iterable<string>, print: (line: object) => void }} Channel */

/**
 * Lines of a stream, which is left alone until the first is asked for: readline drops those that come before anyone listens.
 * @param {NodeJS.ReadableStream} input
 */
async function* linesOf(input) {
  yield* createInterface({ input });
}

/** @returns {Channel} */
function standardStreams() {
  // Engines that log must not write between the protocol's lines.
  console.log = console.info = console.debug = console.error;
  const print = (/** @type {object} */ line) => void process.stdout.write(`${JSON.stringify(line)}\n`);
  return { lines: linesOf(process.stdin), print };
}

/**
 * Serves one workload. `open` imports the engine and opens its device; its time counts as part of every op's `firstMs`.
 * @param {readonly string[]} args
 * @param {(options: { adapter: string | undefined }) => Promise<Engine>} open
 * @param {Channel} [channel]
 */
export async function servePeer(args, open, { lines, print } = standardStreams()) {
  const { ops, input, output, adapter } = parsePeerArgs(args);
  const tensors = readTensors(input);
  const opening = performance.now();
  let engine;
  try {
    engine = await open({ adapter });
  } catch (error) {
    for (const op of ops) print({ op, error: errorText(error) });
    print({ done: true, gpuBytesPeak: null, version: null, adapter: null });
    return;
  }
  const openMs = performance.now() - opening;
  /** @type {Map<string, Op>} */
  const ready = new Map();
  /** @type {Tensors} */
  const results = new Map();
  for (const name of ops) {
    await guarded(name, print, async () => {
      const start = performance.now();
      const op = await engine.prepare(name, tensors);
      await op.run();
      const firstMs = openMs + performance.now() - start;
      engine.checkErrors?.();
      for (const [key, tensor] of await op.output()) addResult(results, name, key, tensor);
      engine.checkErrors?.();
      ready.set(name, op);
      print({ op: name, firstMs, gpuBytesPeak: engine.gpuBytesPeak() });
    });
  }
  for await (const line of lines) {
    if (line.trim() === 'end') break;
    const name = line.trim().replace(/^rep /, '');
    await guarded(name, print, async () => {
      const op = ready.get(name);
      if (!op) throw new Error(`"${line.trim()}": no such op is ready.`);
      const start = performance.now();
      await op.run();
      const ms = performance.now() - start;
      engine.checkErrors?.();
      print({ op: name, ms });
    });
  }
  writeTensors(output, results);
  print({ done: true, gpuBytesPeak: engine.gpuBytesPeak(), version: engine.version, adapter: engine.adapter });
}

/**
 * Only an op of M calls its result `y`: kept as `y.OP`, and as `y` for the first op that got so far.
 * @param {Tensors} results
 * @param {string} op
 * @param {string} key
 * @param {Tensor} tensor
 */
function addResult(results, op, key, tensor) {
  if (key !== 'y') return void results.set(key, tensor);
  results.set(`y.${op}`, tensor);
  if (!results.has('y')) results.set('y', tensor);
}

/**
 * @param {string} op
 * @param {(line: object) => void} print
 * @param {() => Promise<void>} action
 */
async function guarded(op, print, action) {
  try {
    await action();
  } catch (error) {
    console.error(error);
    print({ op, error: errorText(error) });
  }
}
