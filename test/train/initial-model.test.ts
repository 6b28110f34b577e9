import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../src/train/checkpoint.node.js';
import { testDevice } from '../support/gpu.js';
import { leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
const first = await train(device, join(folder, 'first'));
const initialModel = first.run.model;
const sha256 = createHash('sha256').update(readFileSync(initialModel)).digest('hex');
/** Steps too small to change anything: the weights stay those that the run began with. */
const still = smallConfig({ learningRate: 1e-12, leastLearningRate: 0, emaDecay: 0 });

describe('a run that begins with the weights of a model', () => {
  it('has them, and says in its record, its model and its card which file that was', async () => {
    const { run } = await train(device, join(folder, 'second'), { initialModel, config: still });
    const [before, { info, tensors }] = [(await leftBy(first.run)).model.tensors, (await leftBy(run)).model];
    const weights = [...before].filter(([name]) => name.endsWith('weight'));
    expect(weights.length).toBeGreaterThan(10);
    for (const [name, { data }] of weights) {
      const now = tensors.get(name)!.data as Float32Array;
      expect(Math.max(...now.map((value, i) => Math.abs(value - (data as Float32Array)[i]!)))).toBeLessThan(1e-9);
    }
    expect(JSON.parse(readFileSync(run.runInfo, 'utf8'))).toMatchObject({ startedFrom: sha256 });
    expect(info.training.startedFrom).toBe(sha256);
    expect(info.card).toContain(`from the weights of the model with sha256 ${sha256}`);
  });

  it('is resumed without them, bit for bit, and still says what it began with', async () => {
    const whole = await train(device, join(folder, 'whole'), { initialModel });
    await train(device, join(folder, 'parts'), { initialModel, stopAt: 5 });
    await expect(train(device, join(folder, 'parts'), { initialModel, mode: 'resume' })).rejects.toThrow(
      /--init .* on a run that is resumed.*Drop --init/,
    );
    const parts = await train(device, join(folder, 'parts'), { mode: 'resume' });
    const [once, twice] = [await leftBy(whole.run), await leftBy(parts.run)];
    expect(twice.last).toEqual(once.last);
    expect(twice.model).toEqual(once.model);
    const fromScratch = await readCheckpoint(first.run.last);
    expect(once.last.model).not.toEqual(fromScratch.model);
  });

  it('is refused a network with other settings, and what is no model', async () => {
    const config = { ...smallConfig(), model: { ...smallConfig().model, branch: 4 } };
    await expect(train(device, join(folder, 'other'), { initialModel, config })).rejects.toThrow(/branch 2, expected 4.*mcgpu info/);
    await expect(train(device, join(folder, 'other'), { initialModel: first.run.last })).rejects.toThrow(/training checkpoint/);
  });
});
