import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planExperiment, type Plan } from '../../src/experiment/plan.js';
import { runExperiment, type RunRecord } from '../../src/experiment/run.node.js';
import { makeInbreast } from '../data/sets/look-alikes.js';
import { testDevice } from '../support/gpu.js';
import { afterSteps, temporaryFolder } from '../train/small-run.js';

const device = await testDevice();
const out = join(temporaryFolder(), 'experiment');

const small = {
  seeds: [1],
  config: {
    model: { encoder: [2, 2, 2, 2, 2], branch: 2, fusion: [2, 2, 2, 2], context: null },
    synth: { phantom: { textures: 1 } },
    train: { patch: 32, validationPatch: 32, validationPatches: 4, calibrationPatches: 4, batch: 2, workers: 1, steps: 4, warmup: 1, validateEvery: 4, checkpointEvery: 2 }, // prettier-ignore
  },
  test: { patches: 12 },
  runs: [{ name: 'as it is' }, { name: 'one scale', config: { model: { deepSupervision: false } } }],
};

const plan = planExperiment(small, 'small.yaml');

const options = (plan: Plan, resume: boolean, signal?: AbortSignal) => ({
  ...{ plan, data: 'phantom', out, resume, device, quiet: true, signal },
  say: () => undefined,
});

describe('an annotated set of an experiment', () => {
  const folder = temporaryFolder();
  const set = { dataset: 'inbreast' as const, data: join(folder, 'inbreast') };
  const only = { ...small, runs: [{ name: 'as it is' }] };
  const at = { out: join(folder, 'out') };

  it('added later is evaluated with the models that are there, once', async () => {
    makeInbreast(set.data);
    const [before] = await runExperiment({ ...options(planExperiment(only, 'small.yaml'), false), ...at });
    expect(before!.evaluations).toEqual([]);
    const more = {
      ...options(planExperiment({ ...only, evaluate: [{ dataset: 'inbreast' }] }, 'small.yaml'), true),
      ...at,
      evaluate: [set],
    };
    const [after] = await runExperiment(more);
    expect(after).toMatchObject({ modelSha256: before!.modelSha256, trainingS: before!.trainingS, evaluations: [{ set: 'inbreast' }] });
    expect(after!.evaluations[0]!.sensitivityAt1).not.toBeNull();
    const metrics = join(at.out, plan.runs[0]!.folder, 'evaluation-inbreast', 'metrics.json');
    const written = statSync(metrics).mtimeMs;
    expect(await runExperiment(more)).toEqual([after]);
    expect(statSync(metrics).mtimeMs).toBe(written);
    expect(readFileSync(join(at.out, 'results.md'), 'utf8')).toContain('On inbreast');
  });
});

describe('an experiment', () => {
  const files = plan.runs.map(({ folder }) => join(out, folder, 'result.json'));
  let records: readonly RunRecord[] = [];

  it('stopped in its second run keeps the first, with a table of it', async () => {
    records = await runExperiment(
      options(
        plan,
        false,
        afterSteps(6, () => true),
      ),
    );
    expect(records.map(({ row }) => row)).toEqual(['as it is']);
    expect(existsSync(files[1]!)).toBe(false);
    expect(readFileSync(join(out, 'results.md'), 'utf8')).toContain('1 of 2 runs done');
  });

  it('is not begun again by mistake', async () => {
    await expect(runExperiment(options(plan, false))).rejects.toThrow(/an experiment is there already.*--resume/);
  });

  it('resumed runs what is missing and leaves the rest as it was', async () => {
    const before = statSync(files[0]!).mtimeMs;
    const resumed = await runExperiment(options(plan, true));
    expect(resumed[0]).toEqual(records[0]);
    expect(statSync(files[0]!).mtimeMs).toBe(before);
    expect(resumed.map(({ row, steps }) => [row, steps])).toEqual([['as it is', 4], ['one scale', 4]]); // prettier-ignore
    expect(resumed[1]!.parameters).toBeLessThan(resumed[0]!.parameters);
    expect(readFileSync(join(out, 'results.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(3);
  });

  it('refuses figures of other settings or other test samples in its table', async () => {
    const longer = planExperiment({ ...small, config: { ...small.config, train: { ...small.config.train, steps: 5 } } }, 'small.yaml');
    await expect(runExperiment(options(longer, true))).rejects.toThrow(/this run had other settings/);
    const more = planExperiment({ ...small, test: { patches: 13 } }, 'small.yaml');
    await expect(runExperiment(options(more, true))).rejects.toThrow(/this run had other test samples/);
  });
});
