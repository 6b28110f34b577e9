import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { CONVNEXT_FLAVOURS } from '../../src/model/convnext.js';
import { initialArrays } from '../../src/model/init.js';
import { configHash, configYaml, defaultConfig, parseTrainConfig } from '../../src/train/config.js';
import { configuredModel, modelSettings } from '../../src/train/model-config.js';

const parsed = (model: object, train: object = {}) => parseTrainConfig({ model, train }, 'test');

describe('the hash of a configuration', () => {
  it('is for a UNet3+ what it was before there was a choice of networks', async () => {
    expect(await configHash(defaultConfig())).toBe('e12a0a1140e8aa4cdcad097f822609e805e47a686009504a12b79fa613f147a6');
    const other = { model: { branch: 16, classGuided: true, context: null }, train: { batch: 2 } };
    expect(await configHash(parseTrainConfig(other, 'test'))).toBe('9f3385c16e55c6e92f9ee1d379b28bf32d079cb71db211b4de555b5d36328c9d');
    expect(await configHash(parsed({ architecture: 'unet3plus' }))).toBe(await configHash(defaultConfig()));
  });

  it('differs from network to network, and with their settings', async () => {
    const models = [{}, { architecture: 'resnet22' }, { architecture: 'resnet22', width: 8 }, { architecture: 'convnext' }, { architecture: 'convnext', flavour: 'pico' }]; // prettier-ignore
    const hashes = await Promise.all(models.map((model) => configHash(parsed(model))));
    expect(new Set(hashes).size).toBe(models.length);
  });
});

describe('the section model', () => {
  it.each(['unet3plus', 'resnet22', 'convnext'] as const)('of %s is the same after it was written and read', (architecture) => {
    const config = defaultConfig(architecture);
    expect(config.model.architecture).toBe(architecture);
    expect(parseTrainConfig(parse(configYaml(config)), 'test')).toEqual(config);
  });

  it('takes blocks and channels of a ConvNeXt from its flavour unless they are given', () => {
    expect(modelSettings(parsed({ architecture: 'convnext', flavour: 'tiny' }).model).config).toMatchObject(CONVNEXT_FLAVOURS.tiny);
    const widths = [1, 2, 3, 4];
    expect(modelSettings(parsed({ architecture: 'convnext', widths }).model).config).toMatchObject({ depths: [2, 2, 6, 2], widths });
  });

  it.each([
    [{ architecture: 'resnet' }, /model\.architecture is "resnet": expected one of unet3plus, resnet22, convnext/],
    [{ architecture: 'resnet22', branch: 8 }, /unknown key 'model\.branch'/],
    [{ architecture: 'resnet22', widht: 8 }, /unknown key 'model\.widht'.*Did you mean 'model\.width'/],
    [{ architecture: 'resnet22', width: 0 }, /model\.width is 0: .*default: 16/],
    [{ architecture: 'convnext', flavour: 'huge' }, /model\.flavour is "huge": .*default: "atto"/],
    [{ architecture: 'convnext', widths: [4, 4] }, /model\.widths is \[4,4\]/],
    [{ architecture: 'convnext', stochasticDepth: 1 }, /model\.stochasticDepth is 1: /],
    [{ architecture: 'convnext', stemStride: 3 }, /model\.stemStride is 3: /],
    [{ width: 16 }, /unknown key 'model\.width'/],
  ])('%j is refused by name', (model, message) => {
    expect(() => parsed(model)).toThrow(message);
  });

  it('is refused with training settings that its network has no use for, or cannot be trained with', () => {
    expect(() => parsed({ architecture: 'convnext' }, { recompute: 'decoder' })).toThrow(
      /train\.recompute is "decoder": expected "none" for convnext, which has no decoder/,
    );
    expect(() => parsed({ architecture: 'resnet22' }, { batch: 1, patch: 64 })).toThrow(
      /train\.batch is 1: expected at least 2 patches of 64x64/,
    );
    expect(() => parsed({ architecture: 'resnet22' }, { batch: 1, patch: 80 })).not.toThrow();
  });
});

describe('a classifier before training', () => {
  const deviation = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  it('begins as a ResNet of He-normal weights whose head has no opinion', () => {
    const arrays = initialArrays(configuredModel(defaultConfig('resnet22').model), 1);
    const conv = arrays.get('stage.2.1.conv1.weight')!;
    expect(conv).toHaveLength(64 * 64 * 9);
    expect(deviation(conv) / Math.sqrt(2 / (64 * 9))).toBeCloseTo(1, 1);
    expect([...new Set(arrays.get('fc.weight'))]).toEqual([0]);
    expect([...new Set(arrays.get('stage.2.1.bn1.weight'))]).toEqual([1]);
    expect([...new Set(arrays.get('bn.running_var'))]).toEqual([1]);
  });

  it('begins as a ConvNeXt of small truncated normal weights and blocks close to the identity', () => {
    const arrays = initialArrays(configuredModel(defaultConfig('convnext').model), 1);
    const linear = arrays.get('stage.2.1.pw1.weight')!;
    expect(Math.max(...linear.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.04));
    expect(deviation(linear)).toBeGreaterThan(0.016);
    expect([...new Set(arrays.get('stage.2.1.gamma'))]).toEqual([Math.fround(1e-6)]);
    expect([...new Set(arrays.get('stage.2.1.norm.weight'))]).toEqual([1]);
    expect([...new Set(arrays.get('stage.2.1.pw1.bias'))]).toEqual([0]);
  });
});
