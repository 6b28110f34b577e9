import { CLASSES } from '../../src/data/classes.js';
import { DEFAULT_NORMALISATION } from '../../src/data/normalise.js';
import { COMPACT, type UNet3PlusConfig } from '../../src/model/config.js';
import { initialArrays } from '../../src/model/init.js';
import { encodeModelFile, type ModelInfo } from '../../src/model/model-file.js';
import { floatTensor } from '../../src/model/safetensors.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';

/** The compact network's topology with as few channels as make sense: quick, and every path of it is there. */
export const NARROW: UNet3PlusConfig = {
  ...COMPACT,
  encoder: [2, 3, 3, 4, 4],
  branch: 2,
  fusion: [3, 3, 3, 3],
  context: { channels: 2, dilations: [1, 2, 4], window: 5 },
};

/**
 * Arrays of a network as if it had been trained: those it starts from, with batch norms, heads and biases moved away from
 * zeros and ones, so that maps vary and every array matters.
 */
export function randomArrays(config: UNet3PlusConfig, seed: number): Map<string, Float32Array<ArrayBuffer>> {
  const arrays = initialArrays(unet3plus(config), seed);
  const random = new Random(seed, 0x7e57);
  const moved = (name: string, value: number): number => {
    if (name.endsWith('running_var')) return random.uniform(0.5, 2);
    if (/bn(\.\d)?\.weight$/.test(name)) return random.uniform(0.7, 1.3);
    if (/^(head|class|fused)\b.*bias$/.test(name)) return random.normal(0, 0.5);
    if (name.startsWith('class.')) return random.normal(0, 0.7);
    if (/bias$|running_mean$/.test(name)) return value + random.normal(0, 0.2);
    return value + random.normal(0, 0.02);
  };
  return new Map([...arrays].map(([name, data]) => [name, Float32Array.from(data, (value) => moved(name, value))]));
}

/** The bytes of a model file with random weights. */
export function modelBytes(
  seed: number,
  {
    config = NARROW,
    change = {},
    arrays = randomArrays(config, seed),
  }: { config?: UNet3PlusConfig; change?: Partial<ModelInfo>; arrays?: Map<string, Float32Array<ArrayBuffer>> } = {},
): Uint8Array<ArrayBuffer> {
  const { parameters, buffers } = unet3plus(config).layers;
  const tensors = new Map(
    [...parameters, ...buffers].map(({ name, shape }) => [name, floatTensor(shape, arrays.get(name) ?? new Float32Array())]),
  );
  const info: ModelInfo = {
    schema: 'mcgpu.model/1',
    architecture: 'unet3plus',
    config: config as unknown as ModelInfo['config'],
    pixelSpacingMm: 0.1,
    normalisation: DEFAULT_NORMALISATION,
    classes: [...CLASSES],
    threshold: 0.5,
    training: { dataHash: 'none', seed, steps: 0, commit: null, adapter: 'none', startedFrom: null },
    card: 'Random weights for tests.',
    ...change,
  };
  return encodeModelFile({ info, tensors });
}
