// Loaded by the loader's threads: draws the samples of one batch.
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { makeSample } from '../synth/sample.js';
import { batchLayout, fillBatch } from './batch.js';
import type { FillBatch } from './loader.node.js';
import { backgroundsOf, type SampleSetup } from './training-data.node.js';

export interface BatchSetup extends SampleSetup {
  readonly batch: number;
  readonly levels: number;
}

/** Batch `index` holds the samples index * batch, index * batch + 1, ... of the run's seed. */
export function createFill(setup: unknown): FillBatch {
  const given = setup as BatchSetup;
  const { synth, seed, batch, levels } = given;
  const backgrounds = backgroundsOf(given);
  const layout = batchLayout(batch, synth.patch, SEGMENTATION_CHANNELS.length, levels);
  return (index, into) => {
    const samples = Array.from({ length: batch }, (_, i) => makeSample(backgrounds, synth, seed, index * batch + i));
    fillBatch(layout, samples, into);
    return null;
  };
}
