import { describe, expect, it } from 'vitest';
import { sigmoid } from '../../src/autograd/ops/sigmoid.js';
import { Tape } from '../../src/autograd/tape.js';
import { createImage, cropReflect, type GrayImage } from '../../src/data/image.js';
import type { Detection, InferenceOptions } from '../../src/detect/inference.js';
import { imageScores } from '../../src/detect/score.js';
import { TiledInference } from '../../src/detect/tiled-inference.js';
import { TileProgram } from '../../src/detect/tile-program.js';
import { planTiles } from '../../src/detect/tiles.js';
import { UserError } from '../../src/errors.js';
import { COMPACT, type UNet3PlusConfig } from '../../src/model/config.js';
import { Network } from '../../src/model/network.js';
import { tileHalo } from '../../src/model/receptive-field.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { testDevice } from '../support/gpu.js';
import { NARROW, randomArrays } from '../support/model.js';

const device = await testDevice();

/** docs/numerics.md: tiled against untiled, on probabilities. */
const TOLERANCE = 1e-5;
/** A quick network that looks less far than the compact one, so that small images make many tiles. */
const NEAR: UNet3PlusConfig = { ...NARROW, context: null };

/** With maps of half precision, against float32. */
const HALF_TOLERANCE = 4e-3;

/** Noise with a slow gradient: no two places alike. */
function noiseImage(seed: number, width: number, height: number): GrayImage {
  const random = new Random(seed, width, height);
  const image = createImage(width, height);
  for (let i = 0; i < image.data.length; i++) image.data[i] = random.normal() + (i % width) / width - i / image.data.length;
  return image;
}

async function infer(image: GrayImage, options: InferenceOptions, { config = NEAR, breast, on = device }: Setup = {}): Promise<Result> {
  const network = new Network(on, unet3plus(config), 'infer');
  const inference = new TiledInference(network, options);
  inference.load(randomArrays(config, 5));
  let tiles = 0;
  const before = on.allocatedBytes - network.store.weights.sizeBytes;
  const detection = await inference.run(image, breast, () => (tiles += 1));
  const bytes = on.allocatedBytes - before;
  inference.destroy();
  network.destroy();
  return { ...detection, tiles, bytes };
}

interface Setup {
  readonly config?: UNet3PlusConfig;
  readonly breast?: Uint8Array;
  readonly on?: Device;
}

interface Result extends Detection {
  readonly tiles: number;
  /** GPU memory that this run took. */
  readonly bytes: number;
}

/** Largest deviation of maps and scores. */
function deviation(a: Detection, b: Detection): number {
  const [one, other] = [imageScores(a.classLogits), imageScores(b.classLogits)];
  let largest = Math.max(Math.abs(one.mcScore - other.mcScore), Math.abs(one.malignancyScore - other.malignancyScore));
  for (const channel of ['benignLike', 'malignantLike'] as const) {
    expect(a.maps[channel].length).toBe(b.maps[channel].length);
    for (const [i, p] of a.maps[channel].entries()) largest = Math.max(largest, Math.abs(p - (b.maps[channel][i] ?? NaN)));
  }
  return largest;
}

/** A test of equality proves nothing on maps that are flat or scores that are stuck. */
function expectLively({ maps, classLogits }: Detection): void {
  const { mcScore } = imageScores(classLogits);
  for (const map of [maps.benignLike, maps.malignantLike]) {
    const sorted = map.toSorted();
    expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(0.05);
  }
  expect(mcScore).toBeGreaterThan(0.001);
  expect(mcScore).toBeLessThan(0.999);
}

const UNTILED = { tile: 4096 };
const LEAST = 2 * tileHalo(NEAR) + 16;

describe('tiled inference', () => {
  it.each([
    ['several tiles in both directions', 521, 437, LEAST + 64],
    ['cores of a single cell', 330, 301, LEAST],
    ['one row of tiles', 700, 90, LEAST + 32],
    ['one column of tiles', 33, 500, LEAST + 16],
  ])('equals untiled: %s', async (_, width, height, tile) => {
    const image = noiseImage(1, width, height);
    const untiled = await infer(image, UNTILED);
    const tiled = await infer(image, { tile });
    expectLively(untiled);
    expect(untiled.tiles).toBe(1);
    expect(tiled.tiles).toBeGreaterThan(2);
    expect(deviation(tiled, untiled)).toBeLessThanOrEqual(TOLERANCE);
  });

  it('equals untiled with the compact network as it ships', async () => {
    const image = noiseImage(2, 430, 410);
    const untiled = await infer(image, UNTILED, { config: COMPACT });
    const tiled = await infer(image, { tile: 2 * tileHalo(COMPACT) + 16 }, { config: COMPACT });
    expectLively(untiled);
    expect(tiled.tiles).toBe(6);
    expect(deviation(tiled, untiled)).toBeLessThanOrEqual(TOLERANCE);
  });

  it.runIf(device.halfPrecision)('in half precision is close to float32 in about half the memory, tiled too', async () => {
    const image = noiseImage(2, 430, 410);
    const full = await infer(image, UNTILED, { config: COMPACT });
    const half = await infer(image, { ...UNTILED, precision: 'f16' }, { config: COMPACT });
    const tiled = await infer(image, { tile: 2 * tileHalo(COMPACT) + 16, precision: 'f16' }, { config: COMPACT });
    expectLively(half);
    expect(half.bytes).toBeLessThan(0.6 * full.bytes);
    expect(tiled.tiles).toBe(6);
    expect(deviation(half, full)).toBeGreaterThan(TOLERANCE);
    expect(deviation(half, full)).toBeLessThanOrEqual(HALF_TOLERANCE);
    expect(deviation(tiled, half)).toBeLessThanOrEqual(HALF_TOLERANCE);
  });

  it('would differ with the halo of a network that looks less far', async () => {
    // The tests above must be able to fail.
    const image = noiseImage(1, 521, 437);
    const network = new Network(device, { ...unet3plus(NARROW), config: NEAR }, 'infer');
    const inference = new TiledInference(network, { tile: LEAST + 64 });
    inference.load(randomArrays(NARROW, 5));
    const short = await inference.run(image);
    inference.destroy();
    network.destroy();
    expect(deviation(short, await infer(image, UNTILED, { config: NARROW }))).toBeGreaterThan(TOLERANCE);
  });

  it('equals untiled where feature maps span several buffers', async () => {
    const image = noiseImage(3, 521, 437);
    const untiled = await infer(image, UNTILED);
    // Two channels of the finest scale fit into a binding, the ten of a decoder node's branches do not.
    const small = await testDevice({ maxBindingBytes: 2 * 4 * 528 * 448 });
    for (const tile of [4096, LEAST + 64])
      expect(deviation(await infer(image, { tile }, { on: small }), untiled)).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe('inference within a breast', () => {
  /** A half ellipse at the left border, away from the other three. */
  function breastOf({ width, height }: GrayImage): Uint8Array {
    const at = (i: number): number => Math.hypot((i % width) / 230, (Math.floor(i / width) - 420) / 90);
    return Uint8Array.from({ length: width * height }, (_, i) => (at(i) <= 1 ? 1 : 0));
  }

  it('gives there what the whole image gives, 0 elsewhere, and leaves out tiles without breast', async () => {
    const image = noiseImage(4, 640, 800);
    const breast = breastOf(image);
    const whole = await infer(image, UNTILED);
    const tile = LEAST + 48;
    const within = await infer(image, { tile }, { breast });
    expect(within.tiles).toBeGreaterThan(2);
    expect(within.tiles).toBeLessThan(planTiles({ ...image, tile, halo: tileHalo(NEAR) }).tiles.length / 3);
    const masked = (map: Float32Array): Float32Array => map.map((p, i) => (breast[i] === 1 ? p : 0));
    const maps = { ...whole.maps, benignLike: masked(whole.maps.benignLike), malignantLike: masked(whole.maps.malignantLike) };
    expect(deviation(within, { maps, classLogits: within.classLogits })).toBeLessThanOrEqual(TOLERANCE);
    const oneWindow = await infer(image, UNTILED, { breast });
    expect(deviation(within, oneWindow)).toBeLessThanOrEqual(TOLERANCE);
    expect(Math.abs(imageScores(oneWindow.classLogits).mcScore - imageScores(whole.classLogits).mcScore)).toBeGreaterThan(1e-4);
  });

  it('runs nothing where there is no breast', async () => {
    const result = await infer(noiseImage(5, 100, 80), {}, { breast: new Uint8Array(8000) });
    expect(result).toMatchObject({ tiles: 0, classLogits: new Float64Array() });
    expect(Math.max(...result.maps.benignLike, ...result.maps.malignantLike)).toBe(0);
  });
});

describe('inference against the network as it is trained', () => {
  it.each([
    ['its eval mode', NARROW],
    ['that of a class-guided network', { ...NARROW, classGuided: true }],
  ])('gives the probabilities and scores of %s', async (_, config) => {
    const [width, height] = [176, 112];
    const image = noiseImage(6, width, height);
    const network = new Network(device, unet3plus(config), 'train');
    network.load(randomArrays(config, 5));
    const recorder = new Recorder(device);
    const tape = new Tape(recorder, { grad: false });
    const { fused, fusedClass } = network.model.forward(
      network.pass(tape, 'eval'),
      device.tensor('NCHW', [1, 1, height, width], image.data),
    );
    const probabilities = sigmoid(tape, fused);
    if (!fusedClass) throw new Error('no class logits');
    recorder.keep(probabilities);
    recorder.keep(fusedClass);
    const program = await recorder.compile();
    program.run();
    const p = await device.read(probabilities);
    const maps = { width, height, benignLike: p.slice(0, width * height), malignantLike: p.slice(width * height) };
    const expected = { maps, classLogits: Float64Array.from(await device.read(fusedClass)) };
    program.destroy();
    network.destroy();
    expectLively(expected);
    expect(deviation(await infer(image, {}, { config }), expected)).toBeLessThanOrEqual(TOLERANCE);
  });

  it('multiplies the probabilities of a class-guided network by that of any microcalcification in the image, tiled or not', async () => {
    const image = noiseImage(6, 176, 112);
    const [free, guided] = [await infer(image, {}), await infer(image, { tile: LEAST }, { config: { ...NEAR, classGuided: true } })];
    const { mcScore } = imageScores(free.classLogits);
    const expected = free.maps.benignLike.map((p) => p * mcScore);
    expect(mcScore).toBeLessThan(0.99);
    expect(Math.max(...guided.maps.benignLike.map((p, i) => Math.abs(p - expected[i]!)))).toBeLessThanOrEqual(TOLERANCE);
  });

  it('reflects an image at its right and lower border up to a multiple of 16', async () => {
    const image = noiseImage(7, 100, 70);
    const padded = await infer(cropReflect(image, 0, 0, 112, 80), {});
    const benignLike = cropReflect({ width: 112, height: 80, data: padded.maps.benignLike }, 0, 0, 100, 70).data;
    const result = await infer(image, {});
    expect(deviation({ ...result, maps: { ...result.maps, benignLike } }, result)).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe('a memory budget', () => {
  const image = noiseImage(8, 521, 437);

  it('is kept, by smaller tiles, without changing results', async () => {
    const free = await infer(image, {});
    for (const part of [0.9, 0.6]) {
      const memoryBudgetBytes = Math.floor(part * free.bytes);
      const result = await infer(image, { memoryBudgetBytes });
      expect(result.tiles).toBeGreaterThan(free.tiles);
      expect(result.bytes).toBeLessThanOrEqual(memoryBudgetBytes);
      expect(deviation(result, free)).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  it('that is too small names the least that will do', async () => {
    const small = noiseImage(9, 320, 301);
    const attempt = infer(small, { memoryBudgetBytes: 2 ** 20 });
    await expect(attempt).rejects.toThrow(UserError);
    const message = await attempt.then(() => '', String);
    const [, least] = /Use --memory-budget (\d+)MB or more/.exec(message) ?? [];
    const result = await infer(small, { memoryBudgetBytes: Number(least) * 2 ** 20 });
    expect(result.tiles).toBeGreaterThan(1);
  });

  it('is what the plan of a window says, or more', async () => {
    const network = new Network(device, unet3plus(NEAR), 'infer');
    const before = device.allocatedBytes;
    const program = await TileProgram.create(network, 272, 288);
    expect(device.allocatedBytes - before).toBeLessThanOrEqual(TileProgram.plannedBytes(network, 272, 288));
    program.destroy();
    network.destroy();
    expect(device.allocatedBytes).toBeLessThanOrEqual(before);
  });
});
