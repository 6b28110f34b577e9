import type { GrayImage } from '../data/image.js';
import { isClassifier, type AnyNetwork } from '../model/architecture.js';
import { Network } from '../model/network.js';
import type { Device } from '../runtime/device.js';
import type { ElementType } from '../runtime/storage.js';
import type { ProbabilityMaps } from './maps.js';
import { TiledInference } from './tiled-inference.js';
import { WindowInference } from './window-inference.js';

export interface InferenceOptions {
  /** Largest side of a tile, px of the working grid. */
  readonly tile?: number | undefined;
  /** Most memory on the GPU for weights, windows, feature maps and results, bytes. */
  readonly memoryBudgetBytes?: number | undefined;
  /** How feature maps are stored; default f32. */
  readonly precision?: ElementType | undefined;
}

export interface Detection {
  readonly maps: ProbabilityMaps;
  /** Fused class logits: none, benign-like, malignant-like; empty where nothing counts, or of a network without classes. */
  readonly classLogits: Float64Array;
}

/** A network that runs over whole images, whatever it makes of a part of one. */
export interface Inference {
  /** Sets the weights: parameters and running statistics by name, as a model file holds them. */
  load(arrays: ReadonlyMap<string, Float32Array>): void;
  /**
   * Probability maps and class logits of one preprocessed image.
   * @param breast 1 = breast; pixels outside get probability 0 and do not count for the class. Default: the whole image.
   * @param onTile called after every part of the image
   * @throws UserError where the smallest part does not fit the memory budget
   */
  run(image: GrayImage, breast?: Uint8Array, onTile?: (done: number, total: number) => void): Promise<Detection>;
  /** Frees the network too. */
  destroy(): void;
}

/**
 * Inference by a network of any architecture: its maps, or of a classifier those that its Grad-CAM gives.
 * @param window side of the patches that a classifier was trained on, px of the working grid
 */
export function openInference(device: Device, model: AnyNetwork, window: number | undefined, options: InferenceOptions = {}): Inference {
  if (!isClassifier(model)) return new TiledInference(new Network(device, model, 'infer'), options);
  if (window === undefined) throw new Error('inference: a classifier without the side of its windows.');
  return new WindowInference(new Network(device, model, 'infer'), window, options);
}
