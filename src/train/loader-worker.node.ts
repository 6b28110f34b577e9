// The thread behind BatchLoader: loads the module it is told to, then fills one batch per request.
import { parentPort, workerData } from 'node:worker_threads';
import type { FillBatch, FillReply, FillRequest, LoaderModule, WorkerError } from './loader.node.js';

const { module, setup } = workerData as { module: string; setup: unknown };
const { createFill } = (await import(module)) as LoaderModule;
const fill = await createFill(setup);

parentPort?.on('message', ({ index, data }: FillRequest) => {
  void answer(fill, index, data);
});

async function answer(fillBatch: FillBatch, index: number, data: Float32Array<ArrayBuffer>): Promise<void> {
  try {
    const details = await fillBatch(index, data.fill(0));
    reply({ index, data, details }, [data.buffer]);
  } catch (error) {
    reply({ index, error: describe(error) }, []);
  }
}

function reply(message: FillReply, transfer: ArrayBuffer[]): void {
  parentPort?.postMessage(message, transfer);
}

function describe(error: unknown): WorkerError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined };
  return { name: error.name, message: error.message, stack: error.stack };
}
