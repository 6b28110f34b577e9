import type { Tensor } from '../runtime/tensor.js';
import type { Random } from '../random.js';
import type { ArraySpec, LayerSet, Pass } from './layers.js';

/** A network that says of a whole image which class it is of. */
export interface Classifier<Config = unknown> {
  readonly config: Config;
  readonly layers: LayerSet;
  /** Class logits [N, classes] of x [N, channels, H, W]. */
  readonly forward: (pass: Pass, x: Tensor<'NCHW'>) => Tensor<'NC'>;
  /** Names of the maps that Grad-CAM may look at, in the order in which they are computed. */
  readonly stages: readonly string[];
}

/** A network that is nothing but a classifier: it can be trained, and its maps are its Grad-CAM. */
export interface PatchClassifier<Config = unknown> extends Classifier<Config> {
  /** What an array is before training. */
  readonly initial: (spec: ArraySpec, random: Random) => Float32Array;
  /** Of {@link stages}, the one whose Grad-CAM shows where calcifications lie: the last that is not coarser than a quarter of the input. */
  readonly mapStage: string;
}
