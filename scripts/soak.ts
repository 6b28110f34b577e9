// Does a training step hold still? Thousands of steps of the compact network: GPU buffers created, memory of the process, time that
// JavaScript takes per dispatch. `npm run soak [-- --steps 2000 --batch 4 --patch 128]`; test/train/steady.test.ts is a short one.
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Device } from '../src/runtime/device.js';
import { openNodeDevice } from '../src/runtime/gpu.node.js';
import { DEMO_1 } from '../src/synth/demo-1.js';
import { parseTrainConfig } from '../src/train/config.js';
import type { BatchSetup } from '../src/train/draw-batches.node.js';
import { BatchLoader, siblingModule } from '../src/train/loader.node.js';
import { Trainer } from '../src/train/trainer.js';

export interface SoakOptions {
  readonly steps: number;
  readonly batch: number;
  readonly patch: number;
  /** Steps before memory is looked at: V8 and the driver grow their pools first. */
  readonly warmUp: number;
  readonly onProgress?: (step: number, rssMiB: number) => void;
}

export interface SoakFigures {
  /** After step 1, reads of losses and gradient report included. */
  readonly buffersCreated: number;
  /** Memory of the process (RSS, garbage collected): median of the last third after the warm-up less that of the first, MiB. */
  readonly riseMiB: number;
  readonly dispatches: number;
  /** JavaScript's time to encode and submit a step, over its dispatches; median and tenth percentile of all steps. */
  readonly microsecondsPerDispatch: { readonly median: number; readonly p10: number };
  readonly stepMs: number;
}

/** Steps between two reads of the losses, as in a run. */
const LOG_EVERY = 10;
/** Steps between two looks at the memory. */
const LOOK_EVERY = 10;

export async function soak(device: Device, { steps, batch, patch, warmUp, onProgress }: SoakOptions): Promise<SoakFigures> {
  const config = parseTrainConfig({ train: { batch, patch, steps, workers: 1 } }, 'soak');
  const trainer = await Trainer.create(device, config);
  const setup: BatchSetup = { synth: { ...DEMO_1, patch }, seed: 1, images: null, batch, levels: 5 };
  const module = siblingModule('../src/train/draw-batches.node', import.meta.url);
  const loader = new BatchLoader({ module, setup, length: trainer.layout.length, workers: 1 });
  const memory: number[] = [];
  const collect = garbageCollector();
  const encodingUs: number[] = [];
  const startedAt = performance.now();
  let createdAtFirst = 0;
  try {
    for (let step = 0; step < steps; step++) {
      const { data } = await loader.next();
      const before = performance.now();
      trainer.step(step, data);
      encodingUs.push((1000 * (performance.now() - before)) / trainer.program.dispatchCount);
      await device.idle();
      if (step % LOG_EVERY === 0) await Promise.all([trainer.losses(), trainer.optimizer.readReport()]);
      if (step === 0) createdAtFirst = device.createdBuffers;
      if (step % LOOK_EVERY > 0) continue;
      collect();
      const mib = process.memoryUsage.rss() / 2 ** 20;
      if (step >= warmUp) memory.push(mib);
      if (step % 50 === 0) onProgress?.(step, mib);
    }
  } finally {
    await loader.close();
  }
  const buffersCreated = device.createdBuffers - createdAtFirst;
  const dispatches = trainer.program.dispatchCount;
  const stepMs = (performance.now() - startedAt) / steps;
  trainer.destroy();
  const sorted = encodingUs.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
  return { buffersCreated, riseMiB: rise(memory), dispatches, microsecondsPerDispatch: { median: at(0.5), p10: at(0.1) }, stepMs };
}

/** The process's own garbage is no leak, and comes and goes by tens of MiB. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function rise(memory: readonly number[]): number {
  const third = Math.ceil(memory.length / 3);
  return median(memory.slice(-third)) - median(memory.slice(0, third));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

export function describeSoak({ buffersCreated, riseMiB, dispatches, microsecondsPerDispatch, stepMs }: SoakFigures): string {
  const { median, p10 } = microsecondsPerDispatch;
  return `${buffersCreated} GPU buffers created after step 1; memory of the process rose by ${riseMiB.toFixed(1)} MiB; ${dispatches} dispatches per step, JavaScript ${median.toFixed(1)} us per dispatch (best tenth ${p10.toFixed(1)}); ${stepMs.toFixed(0)} ms per step`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '2000' },
      batch: { type: 'string', default: '4' },
      patch: { type: 'string', default: '128' },
    },
  });
  const [steps, batch, patch] = [Number(values.steps), Number(values.batch), Number(values.patch)];
  const device = await openNodeDevice();
  const onProgress = (step: number, rssMiB: number): void => console.log(`step ${step}: ${rssMiB.toFixed(0)} MiB`);
  const figures = await soak(device, { steps, batch, patch, warmUp: Math.min(200, Math.floor(steps / 4)), onProgress });
  console.log(`${device.adapter.description}: ${steps} steps of ${batch} patches of ${patch}x${patch} px: ${describeSoak(figures)}`);
  device.destroy();
  process.exitCode = figures.buffersCreated === 0 && figures.riseMiB < 32 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) await main();
