import { describe, expect, it } from 'vitest';
import { COMPACT, FULL, type UNet3PlusConfig } from '../../src/model/config.js';
import { initialArrays } from '../../src/model/init.js';
import { tileHalo } from '../../src/model/receptive-field.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { describeGolden, loadGolden } from '../support/golden.js';

/** The golden fixture's network: the paper's with every width divided by 8, three channels, deep supervision. */
const SCALED: UNet3PlusConfig = {
  ...FULL,
  encoder: [8, 16, 32, 64, 128],
  branch: 8,
  fusion: [40, 40, 40, 40],
  segmentationChannels: 3,
  deepSupervision: true,
};

function parameterCount(config: UNet3PlusConfig): number {
  return unet3plus(config).layers.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, s) => product * s, 1), 0);
}

describe('UNet3+ parameter counts', () => {
  it.each([
    ['the paper, one head', FULL, 26_970_625],
    ['the paper, deep supervision', { ...FULL, deepSupervision: true }, 26_988_485],
    ['the paper, three channels', { ...FULL, segmentationChannels: 3 }, 26_976_387],
    ['the paper, three channels, deep supervision', { ...FULL, segmentationChannels: 3, deepSupervision: true }, 27_029_967],
    ['widths divided by 8', SCALED, 431_367],
  ] as const)('%s: exact', (_, config, expected) => {
    expect(parameterCount(config)).toBe(expected);
  });

  it('the compact network stays within half a million', () => {
    expect(parameterCount(COMPACT)).toBeLessThanOrEqual(500_000);
  });
});

describe('initial arrays', () => {
  it('depend on the seed and the place in the network alone', () => {
    const net = unet3plus(COMPACT);
    expect(initialArrays(net, 1)).toEqual(initialArrays(net, 1));
    expect(initialArrays(net, 1).get('enc.0.conv.0.weight')).not.toEqual(initialArrays(net, 2).get('enc.0.conv.0.weight'));
  });

  it('start the fused head as the mean of all scales and every segmentation head at 1 %', () => {
    const arrays = initialArrays(unet3plus(COMPACT), 1);
    expect([...(arrays.get('fused.weight') ?? [])].map((v) => Math.round(v * 5))).toEqual([
      1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
    ]);
    expect(1 / (1 + Math.exp(-(arrays.get('head.2.bias')?.[0] ?? 0)))).toBeCloseTo(0.01, 6);
  });
});

describe('halo of a tile', () => {
  it('is a multiple of 16 and grows with the context', () => {
    expect(tileHalo(COMPACT) % 16).toBe(0);
    expect(tileHalo({ ...COMPACT, context: null })).toBeLessThan(tileHalo(COMPACT));
  });
});

describeGolden('golden parameter lists', () => {
  it('names and shapes of the scaled UNet3+ are those of the fixture', () => {
    const golden = loadGolden('models/unet3p');
    const { parameters, buffers } = unet3plus(SCALED).layers;
    const ours = Object.fromEntries([...parameters, ...buffers].map(({ name, shape }) => [name, [...shape]]));
    const theirs = Object.fromEntries(
      [...golden.tensors].filter(([n]) => n.startsWith('param.')).map(([n, t]) => [n.slice('param.'.length), [...t.shape]]),
    );
    expect(ours).toEqual(theirs);
  });
});
