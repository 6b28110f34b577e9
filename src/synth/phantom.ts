// Phantoms: patches to train on (below) and whole mammograms to look at (phantom-mammogram.ts).
import { createImage, type GrayImage } from '../data/image.js';
import { Random } from '../random.js';
import { type BackgroundSource, turned } from './background.js';
import { addRidge, curveThrough } from './curves.js';
import type { PhantomConfig, Range, SynthConfig } from './priors.js';
import { addQuantumNoise } from './quantum-noise.js';
import { FULL_BAND, powerLawTexture } from './texture.js';

export { phantomMammogram } from './phantom-mammogram.js';

/** Side of a cached texture, px: 5 cm at 0.1 mm. */
const TILE = 512;
/** Dense lobes have soft borders: nothing of their texture is finer, cycles per mm. */
const LOBE_BAND: readonly [number, number] = [0, 0.2];
/** Correlation of the noise level from place to place: its texture's band, cycles per mm. */
const NOISE_LEVEL_BAND: readonly [number, number] = [0.1, 0.5];
interface Textures {
  readonly tissue: readonly GrayImage[];
  readonly lobes: readonly GrayImage[];
  /** SD of the local noise relative to its typical value. */
  readonly noiseLevel: GrayImage;
}

/**
 * Patches of made-up breast tissue: power-law texture from cached periodic tiles, dense lobes, ligament-like curves, quantum
 * noise whose level varies from place to place, 12-bit levels. The tiles depend on `config.phantom.textureSeed` alone, so that a patch is
 * the same whatever was drawn before it.
 */
export function phantomSource(config: Pick<SynthConfig, 'phantom' | 'pixelSpacingMm'>): BackgroundSource {
  const { phantom, pixelSpacingMm } = config;
  let textures: Textures | undefined;
  return {
    unlabelled: false,
    crop(random, size) {
      textures ??= makeTextures(phantom, pixelSpacingMm);
      const tissue = composeTissue(textures, phantom, size, random);
      addLigaments(tissue, phantom, pixelSpacingMm, random);
      return addQuantumNoise(tissue, textures.noiseLevel, random.logUniform(...phantom.noise), random);
    },
  };
}

function makeTextures(phantom: PhantomConfig, pixelSpacingMm: number): Textures {
  const random = new Random(phantom.textureSeed);
  const inPixels = ([low, high]: readonly [number, number]) => [low * pixelSpacingMm, high * pixelSpacingMm] as const;
  const tiles = (stream: number, exponents: Range, band: readonly [number, number]): GrayImage[] =>
    Array.from({ length: phantom.textures }, (_, k) => {
      const own = random.fork(stream, k);
      const exponent = own.uniform(...exponents);
      return powerLawTexture(TILE, { exponent, directionRad: own.uniform(0, Math.PI), anisotropy: phantom.anisotropy, band }, own);
    });
  const isotropic = { exponent: 2, directionRad: 0, anisotropy: 0 };
  const noiseLevel = powerLawTexture(TILE, { ...isotropic, band: inPixels(NOISE_LEVEL_BAND) }, random.fork(2));
  for (let i = 0; i < noiseLevel.data.length; i++) noiseLevel.data[i] = Math.exp(phantom.noiseSpread * noiseLevel.data[i]!);
  return { tissue: tiles(0, phantom.exponent, FULL_BAND), lobes: tiles(1, [2.5, 3], inPixels(LOBE_BAND)), noiseLevel };
}

/** level + texture + lobes: a second texture, pushed to two levels, makes fat and dense areas with soft borders. */
function composeTissue({ tissue, lobes: lobeTiles }: Textures, phantom: PhantomConfig, size: number, random: Random): GrayImage {
  const fine = windowOf(random.pick(tissue), size, random);
  const coarse = windowOf(random.pick(lobeTiles), size, random);
  const level = random.uniform(...phantom.level);
  const texture = random.uniform(...phantom.texture);
  const lobes = random.uniform(...phantom.lobes);
  const border = random.normal(0, 0.5);
  const sharpness = random.uniform(1, 4);
  const out = createImage(size, size);
  for (let i = 0; i < out.data.length; i++) {
    const s = sharpness * (coarse.data[i]! - border);
    out.data[i] = level + texture * fine.data[i]! + lobes * (0.5 + (0.5 * s) / (1 + Math.abs(s)));
  }
  return out;
}

/** A window anywhere in the periodic tile, in one of eight orientations. */
function windowOf(tile: GrayImage, size: number, random: Random): GrayImage {
  const x0 = random.int(tile.width);
  const y0 = random.int(tile.height);
  const out = createImage(size, size);
  for (let y = 0; y < size; y++) {
    const row = ((y0 + y) % tile.height) * tile.width;
    for (let x = 0; x < size; x++) out.data[y * size + x] = tile.data[row + ((x0 + x) % tile.width)]!;
  }
  return turned(out, random.int(8));
}

function addLigaments(image: GrayImage, phantom: PhantomConfig, pixelSpacingMm: number, random: Random): void {
  const count = Math.round(random.uniform(...phantom.ligaments));
  const direction = random.uniform(0, Math.PI);
  for (let i = 0; i < count; i++) {
    const length = random.uniform(0.5, 1.5) * image.width;
    const curve = curveThrough(image, direction + random.normal(0, 0.5), length, 0.004, random);
    const sdPx = random.uniform(...phantom.ligamentWidthMm) / pixelSpacingMm / 2.355; // width = full width at half maximum
    addRidge(image, curve, sdPx, random.uniform(...phantom.ligamentStep));
  }
}
