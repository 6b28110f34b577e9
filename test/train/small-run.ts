// Training runs of seconds, for tests: the compact network's topology with two channels everywhere, 32x32 patches.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { parseTrainConfig, type TrainConfig } from '../../src/train/config.js';
import type { Checkpoint } from '../../src/train/checkpoint.js';
import { readCheckpoint } from '../../src/train/checkpoint.node.js';
import { decodeModelFile, type ModelFile } from '../../src/model/model-file.js';
import type { RunDirectory } from '../../src/train/run-directory.node.js';
import { runTraining, type RunOptions, type RunResult } from '../../src/train/run.node.js';
import type { Device } from '../../src/runtime/device.js';

/** Steps, logs, validations and checkpoints on grids that do not coincide. */
export function smallConfig(train: Partial<TrainConfig['train']> = {}): TrainConfig {
  const model = { encoder: [2, 2, 2, 2, 2], branch: 2, fusion: [2, 2, 2, 2], context: null };
  const size = { patch: 32, validationPatch: 32, validationPatches: 6, calibrationPatches: 6, batch: 2, workers: 1 };
  const grids = { steps: 12, warmup: 3, logEvery: 2, validateEvery: 4, checkpointEvery: 3 };
  return parseTrainConfig({ model, synth: { phantom: { textures: 1 } }, train: { ...size, ...grids, seed: 7, ...train } }, 'test');
}

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcgpu-train-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export async function train(device: Device, out: string, options: Partial<RunOptions> = {}): Promise<RunResult> {
  return runTraining({ data: 'phantom', out, config: smallConfig(), mode: 'new', quiet: true, device, ...options });
}

/** Calls `act` once, before the step that comes after `steps` steps; the run stops there if it returns true. */
export function afterSteps(steps: number, act: () => boolean): AbortSignal {
  let asked = 0;
  let aborted = false;
  const signal = {
    get aborted() {
      if (asked++ === steps) aborted = act();
      return aborted;
    },
  };
  return signal as AbortSignal;
}

/**
 * All that a run leaves and that must not depend on whether it was interrupted. Left out are times, and the commit in the model: someone
 * may commit while the tests run.
 */
export async function leftBy(run: RunDirectory): Promise<{
  last: Checkpoint;
  best: Checkpoint;
  model: ModelFile;
  rows: unknown[];
  results: string;
}> {
  const rows = readFileSync(run.metrics, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), time: 0 }));
  const untimed = async (path: string): Promise<Checkpoint> => {
    const { state, ...arrays } = await readCheckpoint(path);
    return { state: { ...state, elapsedS: 0 }, ...arrays };
  };
  return {
    last: await untimed(run.last),
    best: await untimed(run.best),
    model: withoutCommit(decodeModelFile(readFileSync(run.model), run.model)),
    rows,
    results: readFileSync(run.results, 'utf8'),
  };
}

function withoutCommit({ info, tensors }: ModelFile): ModelFile {
  const card = info.card.replace(/commit \S+/, 'commit');
  return { info: { ...info, card, training: { ...info.training, commit: null } }, tensors };
}
