import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import { cropReflect, type GrayImage } from '../data/image.js';
import { UserError } from '../errors.js';
import type { PatchClassifier } from '../model/classifier.js';
import { CamProgram, type CamOptions } from '../model/grad-cam.js';
import type { Network } from '../model/network.js';
import { mebibytes } from '../runtime/device.js';
import type { Tensor } from '../runtime/tensor.js';
import type { Detection, Inference, InferenceOptions } from './inference.js';
import { asMaps, clearOutside, createMaps } from './maps.js';
import { classProbabilities, pooledLogits } from './score.js';
import { BlendedMap, planWindows, type Place } from './windows.js';

/** More windows at a time gain little. */
const MOST_WINDOWS = 8;

/** Windows of one batch, recorded. */
interface Batch {
  readonly windows: number;
  readonly input: Tensor<'NCHW'>;
  readonly program: CamProgram;
}

/**
 * Detection by a classifier of patches. It looks at an image through overlapping windows of the side that it was trained on. A class's map is its
 * Grad-CAM in each window, scaled to 0 .. 1 and times the class's probability there, blended; class logits are pooled over the windows.
 */
export class WindowInference implements Inference {
  private batch: Batch | undefined;
  private most: number | undefined;
  private readonly cam: CamOptions;

  /** @param side of the windows, px of the working grid */
  constructor(
    private readonly network: Network<PatchClassifier>,
    private readonly side: number,
    private readonly options: InferenceOptions = {},
  ) {
    const classes = SEGMENTATION_CHANNELS.map((name) => CLASSES.indexOf(name));
    this.cam = { stage: network.model.mapStage, classes, precision: options.precision };
  }

  load(arrays: ReadonlyMap<string, Float32Array>): void {
    this.network.load(arrays);
  }

  async run(image: GrayImage, breast?: Uint8Array, onTile?: (done: number, total: number) => void): Promise<Detection> {
    const counts = breast ?? new Uint8Array(image.width * image.height).fill(1);
    const places = planWindows(image, counts, this.side);
    if (places.length === 0) return { maps: createMaps(image.width, image.height), classLogits: new Float64Array() };
    const batch = await this.batchFor(places.length);
    const blended = this.cam.classes.map(() => new BlendedMap(image, this.side));
    const logits: Float64Array[] = [];
    for (let first = 0; first < places.length; first += batch.windows) {
      const part = places.slice(first, first + batch.windows);
      logits.push(...(await this.runBatch(batch, image, part, blended)));
      onTile?.(first + part.length, places.length);
    }
    const maps = blended.map((map) => map.image());
    for (const map of maps) clearOutside(map, counts);
    return { maps: asMaps(image, maps), classLogits: pooledLogits(logits) };
  }

  destroy(): void {
    this.dropBatch();
    this.network.destroy();
  }

  /** Adds the windows' maps to `blended`; returns their logits. */
  private async runBatch(
    { windows, input, program }: Batch,
    image: GrayImage,
    places: readonly Place[],
    blended: readonly BlendedMap[],
  ): Promise<Float64Array[]> {
    const { side } = this;
    const area = side * side;
    const pixels = new Float32Array(windows * area);
    for (const [n, { x, y }] of places.entries()) pixels.set(cropReflect(image, x, y, side, side).data, n * area);
    this.network.device.write(input, pixels);
    const { logits, cams } = await program.run();
    return places.map((place, n) => {
      const own = Float64Array.from(logits.subarray(n * CLASSES.length, (n + 1) * CLASSES.length));
      const probabilities = classProbabilities(own);
      for (const [k, cam] of cams.entries()) {
        const map = cam.map.subarray(n * area, (n + 1) * area);
        const peak = map.reduce((a, b) => Math.max(a, b), 0);
        blended[k]?.add(place, map, peak > 0 ? probabilities[this.cam.classes[k] ?? 0]! / peak : 0);
      }
      return own;
    });
  }

  /** A batch that so many windows fill, recorded unless it is the last one again. */
  private async batchFor(count: number): Promise<Batch> {
    this.most ??= this.affordable();
    const windows = Math.min(this.most, 2 ** Math.floor(Math.log2(count)));
    if (this.batch?.windows === windows) return this.batch;
    this.dropBatch();
    const input = this.network.device.tensor('NCHW', this.shapeOf(windows), undefined, 'windows');
    this.batch = { windows, input, program: await CamProgram.create(this.network, input, this.cam) };
    return this.batch;
  }

  private shapeOf(windows: number): readonly number[] {
    return [windows, 1, this.side, this.side];
  }

  /** As many windows at a time as the budget has memory for. @throws UserError where that is none */
  private affordable(): number {
    const budget = this.options.memoryBudgetBytes ?? Infinity;
    if (budget === Infinity) return MOST_WINDOWS;
    for (let windows = MOST_WINDOWS; ; windows /= 2) {
      const bytes = this.network.store.weights.sizeBytes + CamProgram.plannedBytes(this.network, this.shapeOf(windows), this.cam);
      if (bytes <= budget) return windows;
      if (windows === 1)
        throw new UserError(
          `The memory budget of ${mebibytes(budget)} is too small: one window of ${this.side}x${this.side} px, as the classifier was trained on, needs ${mebibytes(bytes)}. Use --memory-budget ${Math.ceil(bytes / 2 ** 20)}MB or more.`,
        );
    }
  }

  private dropBatch(): void {
    if (!this.batch) return;
    const { input, program } = this.batch;
    program.destroy();
    if (input.buffer.storage.buffer) this.network.device.destroyBuffer(input.buffer.storage.buffer);
    this.batch = undefined;
  }
}
