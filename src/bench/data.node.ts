// How fast training data is made: synthetic samples on one core, and batches through the loader's threads.
import { availableParallelism } from 'node:os';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { LEVELS } from '../model/unet3plus.js';
import { DEMO_1 } from '../synth/demo-1.js';
import { phantomSource } from '../synth/phantom.js';
import { makeSample } from '../synth/sample.js';
import { batchLayout } from '../train/batch.js';
import type { BatchSetup } from '../train/draw-batches.node.js';
import { BatchLoader, siblingModule } from '../train/loader.node.js';
import { short, textTable } from './table.js';

export interface DataRow {
  readonly workload: 'data';
  readonly op: string;
  readonly threads: number;
  readonly samples: number;
  readonly samplesPerSecond: number;
  readonly perCore: number;
}

export interface DataOptions {
  /** Side of a sample, px. */
  readonly patch?: number;
  /** How long each figure is measured. */
  readonly budgetMs?: number;
  readonly threads?: number;
}

const BATCH = 4;

/** Samples on generated phantoms, as `mcgpu train --data phantom` draws them. */
export async function measureData({ patch = 128, budgetMs = 4000, threads = availableParallelism() }: DataOptions = {}): Promise<
  DataRow[]
> {
  const synth = { ...DEMO_1, patch };
  return [drawAlone(synth, budgetMs), await load({ synth, seed: 1, images: null, batch: BATCH, levels: LEVELS }, threads, budgetMs)];
}

function drawAlone(synth: BatchSetup['synth'], budgetMs: number): DataRow {
  const backgrounds = phantomSource(synth);
  makeSample(backgrounds, synth, 1, 0); // compiled and cached afterwards
  const startedAt = performance.now();
  let samples = 0;
  do makeSample(backgrounds, synth, 1, ++samples);
  while (performance.now() - startedAt < budgetMs);
  return row(`sample ${synth.patch}x${synth.patch}`, 1, samples, performance.now() - startedAt);
}

/** From the first batch on, which waits for the threads to start. */
async function load(setup: BatchSetup, threads: number, budgetMs: number): Promise<DataRow> {
  const { batch, levels, synth } = setup;
  const { length } = batchLayout(batch, synth.patch, SEGMENTATION_CHANNELS.length, levels);
  const module = siblingModule('../train/draw-batches.node', import.meta.url);
  const loader = new BatchLoader({ module, setup, length, workers: threads });
  try {
    for (let warmUp = 0; warmUp <= 2 * threads; warmUp++) await loader.next(); // as many as lie ready
    const startedAt = performance.now();
    let batches = 0;
    do {
      await loader.next();
      batches++;
    } while (performance.now() - startedAt < budgetMs);
    return row(`loader ${synth.patch}x${synth.patch}, batch ${batch}`, threads, batches * batch, performance.now() - startedAt);
  } finally {
    await loader.close();
  }
}

function row(op: string, threads: number, samples: number, ms: number): DataRow {
  const samplesPerSecond = (1000 * samples) / ms;
  return { workload: 'data', op, threads, samples, samplesPerSecond, perCore: samplesPerSecond / threads };
}

export function dataTable(rows: readonly DataRow[]): string {
  return textTable(rows, [
    { title: 'synthetic samples', cell: ({ op }) => op },
    { title: 'threads', cell: (r) => String(r.threads) },
    { title: 'per second', cell: (r) => short(r.samplesPerSecond) },
    { title: 'per second and thread', cell: (r) => short(r.perCore) },
  ]);
}
