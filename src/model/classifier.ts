import type { Tensor } from '../runtime/tensor.js';
import type { LayerSet, Pass } from './layers.js';

/** A network that says of a whole image which class it is of. */
export interface Classifier<Config = unknown> {
  readonly config: Config;
  readonly layers: LayerSet;
  /** Class logits [N, classes] of x [N, channels, H, W]. */
  readonly forward: (pass: Pass, x: Tensor<'NCHW'>) => Tensor<'NC'>;
  /** Names of the maps that Grad-CAM may look at, in the order in which they are computed. */
  readonly stages: readonly string[];
}
