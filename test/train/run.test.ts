import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeModelFile } from '../../src/model/model-file.js';
import { Detector } from '../../src/detect/detector.js';
import { networkOf } from '../../src/model/architecture.js';
import { readCheckpoint } from '../../src/train/checkpoint.node.js';
import { readTrainConfig } from '../../src/train/config.node.js';
import type { RunResult } from '../../src/train/run.node.js';
import { phantomMammogram } from '../../src/synth/phantom.js';
import { learningRateOf } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';
import { afterSteps, leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
let whole: RunResult;
beforeAll(async () => {
  whole = await train(device, join(folder, 'whole'));
});

describe('a run', () => {
  it('leaves every file that the readme names, with the rows of its grids', async () => {
    const { run } = whole;
    for (const path of Object.values(run as unknown as Record<string, string>)) expect(existsSync(path), path).toBe(true);
    const { rows, results, best } = await leftBy(run);
    const steps = (phase: string): unknown[] =>
      (rows as { step: number; phase: string }[]).filter((r) => r.phase === phase).map((r) => r.step);
    expect(steps('train')).toEqual([2, 4, 6, 8, 10, 12]);
    expect(steps('validation')).toEqual([4, 8, 12]);
    expect(results.trimEnd().split('\n')).toHaveLength(1 + 3);
    expect(best.state.best?.step).toBe(best.state.step);
    expect(await readTrainConfig(run.config)).toEqual(smallConfig());
  });

  it('exports the average of its best checkpoint, with threshold and card', async () => {
    const { info, tensors } = decodeModelFile(readFileSync(whole.run.model), 'model');
    const { state, optimizer } = await readCheckpoint(whole.run.best);
    for (const [name, { data }] of tensors) expect(data, name).toEqual(optimizer.get(`ema.${name}`)?.data);
    expect(networkOf({ info, tensors }, 'model').arrays.size).toBe(tensors.size);
    expect(info).toMatchObject({
      pixelSpacingMm: 0.1,
      classes: ['none', 'benign-like', 'malignant-like'],
      training: { seed: 7, steps: state.step },
    });
    expect(info.threshold).toBeGreaterThan(0);
    expect(info.threshold).toBeLessThan(1);
    expect(info.card).toContain('Research use only - not a medical device');
    expect(info.card).toContain(info.training.dataHash);
  });

  it('exports a model that detects', async () => {
    const detector = Detector.open(device, readFileSync(whole.run.model), 'model');
    const image = phantomMammogram(1, { width: 200, height: 240, pixelSpacingMm: 0.1, view: 'CC' });
    const said = { pixelSpacingMm: [0.1, 0.1], bitDepth: 16, laterality: null, viewPosition: null } as const;
    const mammogram = { image, ...said, intensityDomain: 'unknown', burnedIn: false } as const;
    const { found, maps } = await detector.detect({ ...mammogram, warnings: [] }, 'phantom');
    detector.destroy();
    expect(maps).toMatchObject({ width: 200, height: 240 });
    expect(Math.max(...maps.malignantLike)).toBeGreaterThan(0);
    expect(found.mcScore).toBeGreaterThan(0);
    expect(found.mcScore).toBeLessThan(1);
    const { threshold, groupThreshold = threshold } = detector.info;
    expect(groupThreshold).toBeLessThanOrEqual(threshold);
    for (const { score, marked } of found.findings) {
      if (score >= threshold) expect(marked).toBe(true);
      if (score < groupThreshold) expect(marked).toBe(false);
    }
  });

  it('gives the memory of its device back', async () => {
    const before = device.allocatedBytes;
    await train(device, join(folder, 'memory'), { stopAt: 1 });
    // Staging buffers for reading stay; a run needs no others than the one before.
    expect(device.allocatedBytes).toBe(before);
  });
});

describe('resume', () => {
  it('N steps, a resume and N more are 2N steps bit for bit, wherever the stop lies', async () => {
    const out = join(folder, 'stopped');
    const stopped = await train(device, out, { stopAt: 7 }); // on no grid: no log, validation or checkpoint is due
    expect(stopped).toMatchObject({ steps: 7, interrupted: false });
    expect(existsSync(stopped.run.model)).toBe(true);
    await train(device, out, { mode: 'resume', stopAt: 8 }); // on all but one
    const { run } = await train(device, out, { mode: 'resume' });
    expect(await leftBy(run)).toEqual(await leftBy(whole.run));
  });

  it('after an interrupt goes on exactly', async () => {
    const out = join(folder, 'interrupted');
    const interrupted = await train(device, out, { signal: afterSteps(5, () => true) });
    expect(interrupted).toMatchObject({ steps: 5, interrupted: true });
    expect(existsSync(interrupted.run.model)).toBe(false);
    expect((await readCheckpoint(interrupted.run.last)).state.step).toBe(5);
    const { run } = await train(device, out, { mode: 'resume' });
    expect(await leftBy(run)).toEqual(await leftBy(whole.run));
  });

  it('with another number of loader threads goes on exactly: samples do not depend on it', async () => {
    const out = join(folder, 'threads');
    await train(device, out, { stopAt: 5 });
    const { run } = await train(device, out, { mode: 'resume', config: smallConfig({ workers: 3 }) });
    expect(await leftBy(run)).toEqual(await leftBy(whole.run));
  });

  it('goes on beyond the schedule at its least learning rate', async () => {
    const config = smallConfig({ steps: 4 });
    const out = join(folder, 'beyond');
    await train(device, out, { config });
    const { run } = await train(device, out, { config, mode: 'resume', stopAt: 6 });
    const { rows } = await leftBy(run);
    expect(rows.at(-1)).toMatchObject({ step: 6, learningRate: config.train.leastLearningRate });
    const straight = await train(device, join(folder, 'straight beyond'), { config, stopAt: 6 });
    expect(await leftBy(run)).toEqual(await leftBy(straight.run));
  });

  it('exports a run that was cut off between its last checkpoint and the export', async () => {
    const out = join(folder, 'unexported');
    await train(device, out, { signal: afterSteps(5, () => true) });
    const { run } = await train(device, out, { mode: 'resume', stopAt: 5 });
    expect([4, 5]).toContain(decodeModelFile(readFileSync(run.model), 'model').info.training.steps); // the better one
    await expect(train(device, out, { mode: 'resume', stopAt: 5 })).rejects.toThrow(
      /5 steps are done, expected more to do than 5\. Give a larger/,
    );
  });

  it('is refused with another configuration or seed, with the repair', async () => {
    const { root } = whole.run;
    for (const change of [{ learningRate: 1e-3 }, { seed: 8 }]) {
      await expect(train(device, root, { mode: 'resume', stopAt: 20, config: smallConfig(change) })).rejects.toThrow(
        /written with configuration [0-9a-f]{12}, now it is [0-9a-f]{12}\. Resume with the config.yaml of the run, unchanged, or start a new run/,
      );
    }
  });
});

it('the schedule has the length of the configuration, however early the run stops', async () => {
  const { run } = await train(device, join(folder, 'short'), { stopAt: 2 });
  expect((await leftBy(run).catch(() => null)) ?? 'no best checkpoint').toBe('no best checkpoint'); // nothing was validated
  const [row] = readFileSync(run.metrics, 'utf8').split('\n');
  expect(JSON.parse(row ?? '')).toMatchObject({ step: 2, learningRate: learningRateOf(smallConfig(), 1) });
});
