import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { networkOf } from '../../src/model/architecture.js';
import { decodeModelFile, encodeModelFile } from '../../src/model/model-file.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { makeSample } from '../../src/synth/sample.js';
import { fillBatch } from '../../src/train/batch.js';
import { Trainer } from '../../src/train/trainer.js';
import { testDevice } from '../support/gpu.js';
import { smallClassifier, type ClassifierName } from './small-classifier.js';
import { leftBy, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
const NAMES: ClassifierName[] = ['resnet22', 'convnext'];

describe.each(NAMES)('%s', (name) => {
  it('learns the classes of one batch by heart, and nothing of where calcifications lie', async () => {
    const settings = { batch: 4, patch: 64, steps: 60, learningRate: 1e-2, warmup: 5, weightDecay: 0, emaDecay: 0 };
    const trainer = await Trainer.create(device, smallClassifier(name, settings, name === 'convnext' ? { stochasticDepth: 0 } : {}));
    const synth = { ...DEMO_1, patch: 64 };
    const backgrounds = phantomSource(synth);
    const samples = Array.from({ length: 4 }, (_, i) => makeSample(backgrounds, synth, 4, i));
    expect(new Set(samples.map(({ classIndex }) => classIndex)).size, 'several classes are in the batch').toBeGreaterThan(1);
    const batch = new Float32Array(trainer.layout.length);
    fillBatch(trainer.layout, samples, batch);
    const losses = [];
    for (let step = 0; step < 60; step++) {
      trainer.step(step, batch);
      losses.push(await trainer.losses());
    }
    trainer.destroy();
    expect(losses[0]!.loss).toBeCloseTo(Math.log(3), 0);
    expect(losses.at(-1)!.loss).toBeLessThan(0.3 * losses[0]!.loss);
    for (const { loss, segmentation, classification } of losses) expect([segmentation, classification]).toEqual([0, loss]);
  });

  it('that is stopped and resumed leaves the same files as one that is not', async () => {
    const config = smallClassifier(name, { steps: 6, warmup: 2 });
    const whole = await train(device, join(folder, `${name}-whole`), { config });
    await train(device, join(folder, `${name}-parts`), { config, stopAt: 4 });
    const parts = await train(device, join(folder, `${name}-parts`), { config, mode: 'resume' });
    const [once, twice] = [await leftBy(whole.run), await leftBy(parts.run)];
    expect(twice).toEqual(once);
    expect(once.last.model.size).toBeGreaterThan(20);
    expect(once.model.info).toMatchObject({ architecture: name, window: 32 });
  });

  it('trains on from its own model file, and is refused that of another network', async () => {
    const still = smallClassifier(name, { steps: 1, learningRate: 1e-12, leastLearningRate: 0, emaDecay: 0 });
    const initialModel = join(folder, `${name}-whole`, 'model.safetensors');
    const { run } = await train(device, join(folder, `${name}-on`), { initialModel, config: still });
    const before = decodeModelFile(readFileSync(initialModel), 'before').tensors.get('fc.weight')!.data as Float32Array;
    const after = decodeModelFile(readFileSync(run.model), 'after').tensors.get('fc.weight')!.data as Float32Array;
    expect(Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))).toBeLessThan(1e-9);
    expect(Math.max(...before.map(Math.abs))).toBeGreaterThan(1e-3);
    await expect(train(device, join(folder, 'refused'), { initialModel })).rejects.toThrow(
      new RegExp(`architecture ${name}, expected unet3plus.*Set model.architecture=${name}`),
    );
    const other = name === 'resnet22' ? { width: 3 } : { stemStride: 4 };
    const config = smallClassifier(name, {}, other);
    await expect(train(device, join(folder, 'refused'), { initialModel, config })).rejects.toThrow(
      name === 'resnet22' ? /width 2, expected 3/ : /stemStride 2, expected 4/,
    );
  });

  it('says what a step needs where the memory budget is too small, and proposes nothing that does not help', async () => {
    const attempt = Trainer.create(device, smallClassifier(name), { memoryBudgetBytes: 2 ** 12 });
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(/memory budget of 0\.004 MiB is too small.*--memory-budget 1MB/);
    const message = await attempt.then(() => '', String);
    expect(message).not.toMatch(/recompute/);
    expect(message.includes('train.batch=1 '), 'a ResNet cannot be trained on one patch of this size').toBe(name === 'convnext');
  });
});

it("ConvNeXt's stochastic depth takes part in training: without it other weights come out", async () => {
  const { run } = await train(device, join(folder, 'undropped'), {
    config: smallClassifier('convnext', { steps: 6, warmup: 2 }, { stochasticDepth: 0 }),
  });
  const dropped = decodeModelFile(readFileSync(join(folder, 'convnext-whole', 'model.safetensors')), 'dropped');
  expect(decodeModelFile(readFileSync(run.model), 'undropped').tensors.get('fc.weight')).not.toEqual(dropped.tensors.get('fc.weight'));
});

describe('a model file of a classifier', () => {
  const file = () => decodeModelFile(readFileSync(join(folder, 'resnet22-whole', 'model.safetensors')), 'model');
  const opened = (change: object) => {
    const { info, tensors } = file();
    return () => networkOf(decodeModelFile(encodeModelFile({ info: { ...info, ...change }, tensors }), 'changed'), 'changed');
  };

  it('is refused without its window, of an unknown architecture, and with settings of another', () => {
    expect(opened({})).not.toThrow();
    expect(opened({ window: undefined })).toThrow(/changed: a classifier without window, expected the side of the patches/);
    expect(opened({ architecture: 'resnet50' })).toThrow(/architecture 'resnet50', this version knows 'unet3plus', 'resnet22', 'convnext'/);
    expect(opened({ architecture: 'unet3plus' })).toThrow(/changed: config\.encoder/);
    expect(opened({ config: { inputChannels: 1, width: 3, classes: 3 } })).toThrow(/'stem\.weight' is F32 \[2, 1, 7, 7\], expected/);
  });
});
