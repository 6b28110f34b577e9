// Draws training data in worker threads, ahead of the step that uses it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';

/**
 * Fills one batch in place; what it returns (structured-cloneable, e.g. lists of MCs) arrives as `details`. It must depend on
 * nothing but the index and what the module's `createFill` was given: any thread may be asked for any index. `into` is zeros.
 */
export type FillBatch = (index: number, into: Float32Array<ArrayBuffer>) => unknown;

/** What the module that the workers load exports; `setup` is a copy of LoaderOptions.setup, its SharedArrayBuffers shared. */
export interface LoaderModule {
  readonly createFill: (setup: unknown) => FillBatch | Promise<FillBatch>;
}

export interface LoaderOptions {
  /** Of a LoaderModule; siblingModule gives it for a file beside the caller. */
  readonly module: URL;
  readonly setup: unknown;
  /** Elements of a batch. */
  readonly length: number;
  /** Index of the first batch: the step to go on from. */
  readonly first?: number;
  readonly workers: number;
  /** Most batches drawn and not yet used, over all workers; default two per worker. Memory: (ahead + 1) * length * 4 bytes. */
  readonly ahead?: number;
}

export interface LoadedBatch {
  readonly index: number;
  /** Valid until the next call of `next`: the memory is then used again. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly details: unknown;
}

export interface LoaderWaits {
  /** Until the first batch: starting the threads, not counted below. */
  readonly startMs: number;
  /** Spent in `next` since then. */
  readonly waitedMs: number;
  /** waitedMs as a share of all time since then, 0..1. */
  readonly share: number;
}

/** From the loader to a worker. */
export interface FillRequest {
  readonly index: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** From a worker to the loader. */
export type FillReply =
  | { readonly index: number; readonly data: Float32Array<ArrayBuffer>; readonly details: unknown }
  | { readonly index: number; readonly error: WorkerError };

export interface WorkerError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

interface Thread {
  readonly worker: Worker;
  pending: number;
}

/**
 * Batches first, first + 1, ... in order, drawn by several threads. The content depends on the index only, so the number of threads
 * changes the speed and nothing else. `close` it when done: its threads keep the process alive.
 */
export class BatchLoader {
  private readonly threads: Thread[];
  private readonly free: Float32Array<ArrayBuffer>[];
  private readonly ready = new Map<number, FillReply>();
  private nextToAsk: number;
  private nextToGive: number;
  private given: Float32Array<ArrayBuffer> | undefined;
  private waiting: (() => void) | undefined;
  private failure: Error | undefined;
  private closed = false;
  private readonly startedAt = performance.now();
  private firstAt: number | undefined;
  private waitedMs = 0;

  constructor(options: LoaderOptions) {
    const { module, setup, length, first = 0, workers, ahead = 2 * workers } = options;
    this.nextToAsk = first;
    this.nextToGive = first;
    this.free = Array.from({ length: ahead }, () => new Float32Array(length));
    this.threads = Array.from({ length: workers }, () => this.startThread({ module: module.href, setup }));
    this.ask();
  }

  /**
   * The next batch; the one before must not be used any more.
   *
   * @throws UserError or Error with the message of what failed in a worker
   */
  async next(): Promise<LoadedBatch> {
    if (this.waiting) throw new Error('BatchLoader.next: called again before the batch before had arrived.');
    const askedAt = performance.now();
    this.takeBack();
    const reply = await this.arrival(this.nextToGive);
    this.measure(askedAt);
    this.ready.delete(reply.index);
    this.nextToGive++;
    this.given = reply.data;
    return reply;
  }

  /** How long `next` made its caller wait. */
  waits(): LoaderWaits {
    const { firstAt, startedAt, waitedMs } = this;
    const now = performance.now();
    if (firstAt === undefined) return { startMs: now - startedAt, waitedMs: 0, share: 0 };
    return { startMs: firstAt - startedAt, waitedMs, share: now > firstAt ? waitedMs / (now - firstAt) : 0 };
  }

  /** Ends the threads; a `next` that waits is rejected. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiting?.();
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
  }

  private takeBack(): void {
    if (this.given) this.free.push(this.given);
    this.given = undefined;
    this.ask();
  }

  /** Hands free memory to the thread with least to do, as long as there is some. */
  private ask(): void {
    for (let data = this.free.pop(); data && !this.closed; data = this.free.pop()) {
      const thread = this.threads.reduce((a, b) => (b.pending < a.pending ? b : a));
      thread.pending++;
      thread.worker.postMessage({ index: this.nextToAsk++, data } satisfies FillRequest, [data.buffer]);
    }
  }

  private async arrival(index: number): Promise<LoadedBatch> {
    for (;;) {
      if (this.closed) throw new Error('BatchLoader.next: the loader is closed.');
      const reply = this.ready.get(index);
      if (reply && 'error' in reply) throw revive(reply.error);
      if (reply) return reply;
      if (this.failure) throw this.failure;
      await new Promise<void>((resolve) => (this.waiting = resolve));
      this.waiting = undefined;
    }
  }

  private measure(askedAt: number): void {
    const now = performance.now();
    if (this.firstAt === undefined) this.firstAt = now;
    else this.waitedMs += now - askedAt;
  }

  private startThread(workerData: { module: string; setup: unknown }): Thread {
    const worker = new Worker(workerEntry(), { workerData });
    const thread: Thread = { worker, pending: 0 };
    worker.on('message', (reply: FillReply) => {
      thread.pending--;
      this.ready.set(reply.index, reply);
      this.waiting?.();
    });
    worker.on('error', (error) => {
      this.fail(error instanceof Error ? revive(error) : new Error(String(error)));
    });
    worker.on('exit', (code) => {
      if (!this.closed) this.fail(new Error(`A worker thread ended by itself (exit code ${code}).`));
    });
    return thread;
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.waiting?.();
  }
}

/** The module `name` (without ending) beside the caller, in the caller's language: TypeScript sources or their build. */
export function siblingModule(name: string, callerUrl: string): URL {
  return new URL(`${name}${callerUrl.endsWith('.ts') ? '.ts' : '.js'}`, callerUrl);
}

/** From TypeScript sources (development, tests) a thread first registers tsx; Node's --import does not reach threads. */
function workerEntry(): URL {
  const worker = siblingModule('./loader-worker.node', import.meta.url);
  if (!worker.pathname.endsWith('.ts')) return worker;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const register = JSON.stringify(new URL('dist/esm/api/index.mjs', tsx));
  const code = `import { register } from ${register}; register(); await import(${JSON.stringify(worker)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Errors lose their class on the way between threads; the user's errors keep theirs, and all keep the worker's stack. */
function revive({ name, message, stack }: Error | WorkerError): Error {
  const error = name === 'UserError' ? new UserError(message) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
