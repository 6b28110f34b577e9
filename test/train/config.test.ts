import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UserError } from '../../src/errors.js';
import { configHash, configYaml, defaultConfig, parseTrainConfig, valueHash } from '../../src/train/config.js';
import { editDistance, nearestName } from '../../src/train/config-errors.js';
import { readTrainConfig } from '../../src/train/config.node.js';
import { applyOverrides, applySettings } from '../../src/train/config-overrides.js';

const folder = mkdtempSync(join(tmpdir(), 'mcgpu-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const yamlFile = (text: string): string => {
  const path = join(folder, 'c.yaml');
  writeFileSync(path, text);
  return path;
};

const withWindow = (window: number): object => ({ model: { context: { channels: 2, dilations: [1], window } } });

describe('a training configuration', () => {
  it('is all defaults when nothing is given', async () => {
    expect(parseTrainConfig(undefined, 'x')).toEqual(defaultConfig());
    expect(await readTrainConfig(yamlFile('# nothing yet\n'))).toEqual(defaultConfig());
  });

  it('takes the file over the defaults and --set over the file', async () => {
    const config = await readTrainConfig(yamlFile('train: { steps: 7, batch: 2 }'), [
      'train.batch=3',
      'model.encoder=[1,2,3,4,5]',
      'train.losses.focal=0',
    ]);
    expect(config.train).toEqual({ ...defaultConfig().train, steps: 7, batch: 3, losses: { ...defaultConfig().train.losses, focal: 0 } });
    expect(config.model).toMatchObject({ encoder: [1, 2, 3, 4, 5] });
  });

  it('written back as YAML is the same', () => {
    const config = parseTrainConfig({ train: { learningRate: 1e-7 }, synth: { contrast: [0.03, 0.3] } }, 'x');
    expect(parseTrainConfig(parse(configYaml(config)), 'x')).toEqual(config);
  });

  it('has a hash that depends on every value but the number of loader threads', async () => {
    const hash = await configHash(defaultConfig());
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const changed = (change: object): Promise<string> => configHash(parseTrainConfig(change, 'x'));
    expect(await changed({ train: { workers: 7 } })).toBe(hash);
    for (const change of [
      { train: { steps: 7 } },
      { train: { precision: 'f16' } },
      { train: { losses: { focal: 0 } } },
      { train: { losses: { iou: 1 } } },
      { train: { losses: { msSsim: 1 } } },
      { train: { losses: { msSsim: 1, msSsimWindow: 5 } } },
      { model: { branch: 9 } },
      { synth: { patch: 1 } },
    ]) {
      expect(await changed(change), JSON.stringify(change)).not.toBe(hash);
    }
  });

  it('of float32 and the usual losses and network has the hash that it had before these could be chosen', async () => {
    const { train, model, ...rest } = defaultConfig();
    const { architecture, ...settings } = model;
    expect(architecture).toBe('unet3plus');
    const { workers, recompute, precision, losses: chosen, ...before } = train;
    const { iou, msSsim, msSsimWindow, ...losses } = chosen;
    expect([workers, recompute, precision]).toEqual([2, 'none', 'f32']);
    expect([iou, msSsim, msSsimWindow]).toEqual([0, 0, 7]);
    expect(await configHash(defaultConfig())).toBe(await valueHash({ ...rest, model: settings, train: { ...before, losses } }));
  });

  it('is hashed whatever the order of its keys, but not of its lists', async () => {
    const hash = await valueHash({ a: 1, b: { c: [1, 2], d: 2 } });
    expect(await valueHash({ b: { d: 2, c: [1, 2] }, a: 1 })).toBe(hash);
    expect(await valueHash({ a: 1, b: { c: [2, 1], d: 2 } })).not.toBe(hash);
  });

  it.each([
    [
      'a misspelt key',
      { train: { learningrate: 1 } },
      "c.yaml: unknown key 'train.learningrate', expected a known setting. Did you mean 'train.learningRate'?",
    ],
    ['a key in the wrong section', { steps: 5 }, "Did you mean 'train.steps'?"],
    ['a misspelt section', { modle: {} }, "unknown key 'modle', expected a known setting. Did you mean 'model'?"],
    [
      'a key unlike any other',
      { train: { losses: { zzzzzzzz: 1 } } },
      "unknown key 'train.losses.zzzzzzzz', expected a known setting. Known here: focal, ",
    ],
    [
      'a patch that does not halve four times',
      { train: { patch: 100 } },
      'train.patch is 100 px, expected a multiple of 16: the network halves the patch four times. Use 96 or 112.',
    ],
    [
      'a patch too small',
      { train: { patch: 16 } },
      'train.patch is 16: too small: expected number to be >=32. Change the value or leave it out (default: 128).',
    ],
    [
      'MS-SSIM on patches too small for five levels',
      { train: { patch: 64, losses: { msSsim: 0.5 } } },
      'train.losses.msSsim is 0.5: expected train.patch of at least 112 px for five levels of msSsimWindow 7 px, found 64 px. ' +
        'Set train.patch=112 or train.losses.msSsimWindow=4. Change the value or leave it out (default: 0).',
    ],
    ['a broken patch', { train: { patch: 64.5 } }, 'train.patch is 64.5: '],
    ['text for a number', { train: { steps: 'many' } }, 'train.steps is "many": invalid input: expected number, received string.'],
    ['a missing value', { train: { steps: null } }, 'train.steps is null: '],
    ['a negative rate', { train: { learningRate: -1 } }, 'train.learningRate is -1: '],
    ['NaN', { train: { learningRate: NaN } }, 'train.learningRate is NaN: '],
    ['a list of the wrong length', { model: { encoder: [8, 16] } }, 'model.encoder'],
    ['an even context window', withWindow(4), 'model.context.window is 4: expected an odd number.'],
    ['a context window that a model file may not have', withWindow(35), 'model.context.window is 35: too big: expected number to be <=33.'],
    ['a list for the whole', [1], 'c.yaml: the configuration is [1]: '],
  ])('with %s is refused with key, finding and repair', (_, input, message) => {
    const read = (): unknown => parseTrainConfig(input, 'c.yaml');
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  });

  it.each([
    ['broken YAML', 'train: [1', /c\.yaml: line 1 is not valid YAML/],
    ['a key given twice', 'train:\n  steps: 1\n  steps: 2\n', /line 3 is not valid YAML \(DUPLICATE_KEY\)/],
  ])('in a file with %s is refused', async (_, text, message) => {
    await expect(readTrainConfig(yamlFile(text))).rejects.toThrow(message);
  });

  it('tells a missing file, and blames --set for its own mistakes only', async () => {
    await expect(readTrainConfig(join(folder, 'none.yaml'))).rejects.toThrow(/no such file/);
    await expect(readTrainConfig(yamlFile(''), ['train.step=1'])).rejects.toThrow(
      "--set: unknown key 'train.step', expected a known setting. Did you mean 'train.steps'?",
    );
    await expect(readTrainConfig(yamlFile('train: { patch: 1 }'), ['train.steps=1'])).rejects.toThrow(/c\.yaml: train\.patch/);
  });
});

describe('applySettings', () => {
  it.each(['train.steps', '=5', 'a..b=1', '__proto__.polluted=1', 'a.__proto__=1', 'a={'])('refuses --set %s', (setting) => {
    expect(() => applySettings({}, [setting])).toThrow(UserError);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('leaves its input as it was and lets later settings win', () => {
    const base = { a: { b: 1 } };
    expect(applySettings(base, ['a.b=2', 'a.c=text', 'a.b=3', 'd=x=y'])).toEqual({ a: { b: 3, c: 'text' }, d: 'x=y' });
    expect(base).toEqual({ a: { b: 1 } });
  });
});

describe('applyOverrides', () => {
  const defaults = { contrast: [0.03, 0.3], kinds: { round: 1, rod: 2 }, mtf: true };

  it('merges sections and keeps the rest', () => {
    expect(applyOverrides(defaults, { kinds: { rod: 0 }, contrast: [0, 1] }, 'c', 'synth')).toEqual({
      contrast: [0, 1],
      kinds: { round: 1, rod: 0 },
      mtf: true,
    });
  });

  it.each([
    [{ contrast: [1] }, 'c: synth.contrast is [1], expected a list of 2 such values, for example the default [0.03,0.3].'],
    [{ mtf: 1 }, 'synth.mtf is 1, expected a boolean'],
    [{ kinds: 3 }, 'synth.kinds is 3, expected a section of settings'],
    [{ kinds: { rods: 1 } }, "unknown key 'synth.kinds.rods', expected a known setting. Did you mean 'synth.kinds.rod'?"],
    [{ kinds: { rod: NaN } }, 'synth.kinds.rod is NaN, expected a number'],
  ])('refuses %j', (overrides, message) => {
    expect(() => applyOverrides(defaults, overrides, 'c', 'synth')).toThrow(message);
  });
});

describe('nearestName', () => {
  it('finds a near name and no far one', () => {
    expect(nearestName('warmUp', ['warmup', 'weightDecay'])).toBe('warmup');
    expect(nearestName('warm-up', ['weightDecay', 'warmup'])).toBe('warmup');
    expect(nearestName('colour', ['steps', 'batch'])).toBeUndefined();
  });

  it('measures a distance: symmetric, zero only for equal names, and never more than the longer name', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const distance = editDistance(a, b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
