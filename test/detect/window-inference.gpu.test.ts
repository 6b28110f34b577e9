import { describe, expect, it } from 'vitest';
import { createImage, cropReflect, type GrayImage } from '../../src/data/image.js';
import { openInference, type Detection, type Inference, type InferenceOptions } from '../../src/detect/inference.js';
import { classProbabilities, pooledLogits } from '../../src/detect/score.js';
import { TiledInference } from '../../src/detect/tiled-inference.js';
import { WindowInference } from '../../src/detect/window-inference.js';
import { BlendedMap, planWindows } from '../../src/detect/windows.js';
import { UserError } from '../../src/errors.js';
import type { AnyNetwork } from '../../src/model/architecture.js';
import type { PatchClassifier } from '../../src/model/classifier.js';
import { convnext } from '../../src/model/convnext.js';
import { CamProgram, gradCam } from '../../src/model/grad-cam.js';
import { initialArrays } from '../../src/model/init.js';
import { Network } from '../../src/model/network.js';
import { resnet22 } from '../../src/model/resnet22.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';
import { testDevice } from '../support/gpu.js';
import { NARROW } from '../support/model.js';

const device = await testDevice();
const SIDE = 64;
/** Windows by eights against one by one: sums in another order. */
const TOLERANCE = 1e-5;

const MODELS = {
  resnet22: resnet22({ inputChannels: 1, width: 2, classes: 3 }),
  convnext: convnext({ inputChannels: 1, depths: [1, 2, 1, 1], widths: [4, 4, 8, 8], stemStride: 2, stochasticDepth: 0.5, classes: 3 }),
};

/** Heads and layer scales far from those that training starts from, so that classes and places differ. */
function lively(model: AnyNetwork & PatchClassifier): Map<string, Float32Array> {
  const random = new Random(5);
  const sd = (name: string): number => (name.endsWith('.gamma') ? 1 : name.startsWith('fc.') ? 0.04 : 0);
  return new Map(
    [...initialArrays(model, 5)].map(([name, data]) => [name, sd(name) > 0 ? data.map(() => random.normal(0, sd(name))) : data]),
  );
}

function noise(width: number, height: number): GrayImage {
  const random = new Random(7, width, height);
  const image = createImage(width, height);
  for (let i = 0; i < image.data.length; i++) image.data[i] = random.normal() * (1 + (3 * (i % width)) / width);
  return image;
}

async function infer(
  model: keyof typeof MODELS,
  image: GrayImage,
  options: InferenceOptions = {},
  breast?: Uint8Array,
): Promise<Detection> {
  const inference = openInference(device, MODELS[model], SIDE, options);
  inference.load(lively(MODELS[model]));
  const found = await inference.run(image, breast);
  inference.destroy();
  return found;
}

/** The same, window by window, from Grad-CAM alone. */
async function plainly(name: keyof typeof MODELS, image: GrayImage): Promise<Detection> {
  const model: PatchClassifier = MODELS[name];
  const network = new Network(device, model, 'infer');
  network.load(lively(MODELS[name]));
  const blended = [1, 2].map(() => new BlendedMap(image, SIDE));
  const logits = [];
  for (const place of planWindows(image, new Uint8Array(image.data.length).fill(1), SIDE)) {
    const x = device.tensor('NCHW', [1, 1, SIDE, SIDE], cropReflect(image, place.x, place.y, SIDE, SIDE).data);
    for (const classIndex of [1, 2]) {
      const cam = await gradCam(network, x, { stage: model.mapStage, classIndex });
      const [peak, probability] = [Math.max(...cam.map), classProbabilities(cam.logits)[classIndex]!];
      blended[classIndex - 1]!.add(
        place,
        cam.map.map((v) => (peak > 0 ? (probability * v) / peak : 0)),
      );
      if (classIndex === 1) logits.push(cam.logits);
    }
  }
  network.destroy();
  const [benignLike, malignantLike] = blended.map((map) => map.image().data);
  return {
    maps: { width: image.width, height: image.height, benignLike: benignLike!, malignantLike: malignantLike! },
    classLogits: pooledLogits(logits),
  };
}

function expectEqual(found: Detection, expected: Detection): void {
  for (const channel of ['benignLike', 'malignantLike'] as const) {
    expect(Math.max(...expected.maps[channel]), 'the test must be able to fail').toBeGreaterThan(0.05);
    expect(Math.max(...found.maps[channel].map((v, i) => Math.abs(v - expected.maps[channel][i]!)))).toBeLessThan(TOLERANCE);
  }
  for (const [k, value] of expected.classLogits.entries())
    expect(Math.abs(found.classLogits[k]! - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
}

describe.each(['resnet22', 'convnext'] as const)('detection by %s', (name) => {
  it.each([
    ['an image of many windows', 200, 130],
    ['one of two windows', 70, 64],
    ['a crop smaller than a window', 40, 25],
  ])('of %s is the Grad-CAM of each, times its probability, blended', async (_, width, height) => {
    const image = noise(width, height);
    expectEqual(await infer(name, image), await plainly(name, image));
  });

  it('keeps a memory budget by fewer windows at a time, and names the least that will do', async () => {
    const image = noise(200, 130);
    const network = new Network<PatchClassifier>(device, MODELS[name], 'infer');
    const cam = { stage: MODELS[name].mapStage, classes: [1, 2] };
    const bytes = network.store.weights.sizeBytes + CamProgram.plannedBytes(network, [2, 1, SIDE, SIDE], cam);
    network.destroy();
    expectEqual(await infer(name, image, { memoryBudgetBytes: bytes }), await infer(name, image));
    const attempt = infer(name, image, { memoryBudgetBytes: 1000 });
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(
      /too small: one window of 64x64 px, as the classifier was trained on, needs .* Use --memory-budget 1MB/,
    );
  });
});

describe('detection by a classifier', () => {
  it('is told of every part, gives nothing outside the breast, and nothing at all without one', async () => {
    const image = noise(160, 96);
    const breast = Uint8Array.from({ length: 160 * 96 }, (_, i) => (i % 160 < 60 ? 1 : 0));
    const { maps, classLogits } = await infer('resnet22', image, {}, breast);
    expect(maps.benignLike.every((p, i) => breast[i] === 1 || p === 0)).toBe(true);
    expect(Math.max(...maps.benignLike)).toBeGreaterThan(0);
    expect(classLogits).toHaveLength(3);
    const none = await infer('resnet22', image, {}, new Uint8Array(160 * 96));
    expect(none.classLogits).toHaveLength(0);
    expect(Math.max(...none.maps.benignLike, ...none.maps.malignantLike)).toBe(0);
    const inference = openInference(device, MODELS.resnet22, SIDE);
    inference.load(lively(MODELS.resnet22));
    const told: number[][] = [];
    await inference.run(image, undefined, (done, total) => told.push([done, total]));
    expect(told).toEqual([[8, 8]]);
    inference.destroy();
  });

  it('leaves no memory behind, however many windows its images had', async () => {
    const before = device.allocatedBytes;
    const inference: Inference = openInference(device, MODELS.resnet22, SIDE);
    inference.load(lively(MODELS.resnet22));
    for (const side of [64, 200, 100]) await inference.run(noise(side, side));
    inference.destroy();
    expect(device.allocatedBytes).toBe(before);
  });

  it.runIf(device.halfPrecision)('in half precision is close to float32', async () => {
    const image = noise(96, 64);
    const [full, half] = [await infer('convnext', image), await infer('convnext', image, { precision: 'f16' })];
    const difference = Math.max(...half.maps.malignantLike.map((v, i) => Math.abs(v - full.maps.malignantLike[i]!)));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.02);
  });

  it('is by windows for it and by tiles for a UNet3+', () => {
    const [windows, tiles] = [openInference(device, MODELS.resnet22, SIDE), openInference(device, unet3plus(NARROW), undefined)];
    expect(windows).toBeInstanceOf(WindowInference);
    expect(tiles).toBeInstanceOf(TiledInference);
    for (const inference of [windows, tiles]) inference.destroy();
  });
});
