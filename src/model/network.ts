import { ParameterStore } from '../autograd/parameters.js';
import type { Tape } from '../autograd/tape.js';
import type { Device } from '../runtime/device.js';
import type { UNet3Plus } from './unet3plus.js';
import { NORM_PARTS, foldBatchNorms, type ArraySpec, type LayerSet, type Pass } from './layers.js';

/** A network with its arrays on a device, ready to be recorded. */
export class Network<Model extends { readonly layers: LayerSet } = UNet3Plus> {
  readonly store: ParameterStore;
  private readonly bufferNames: ReadonlySet<string>;

  /**
   * @param purpose `train` keeps gradients and running statistics; `infer` holds the arrays with the batch norms folded
   *   into the convolutions, and no gradients.
   */
  constructor(
    readonly device: Device,
    readonly model: Model,
    readonly purpose: 'train' | 'infer',
  ) {
    const { parameters, buffers } = model.layers;
    const own = purpose === 'train' ? { parameters, buffers } : foldedSpecs(model.layers);
    this.bufferNames = new Set(own.buffers.map((b) => b.name));
    this.store = new ParameterStore(device, own.parameters, own.buffers, { gradients: purpose === 'train' });
  }

  /** Sets all arrays from those of a training checkpoint or model file (parameters and running statistics by name). */
  load(arrays: ReadonlyMap<string, Float32Array>): void {
    this.store.load(this.purpose === 'train' ? arrays : foldBatchNorms(arrays, this.model.layers.folds));
  }

  /** What a forward pass over `tape` reads; `train` networks may also run in `eval` mode. */
  pass(tape: Tape, mode: 'train' | 'eval' = 'train', { recompute = false } = {}): Pass {
    const array = (name: string): ReturnType<Pass['array']> =>
      this.bufferNames.has(name) ? this.store.buffer(name) : this.store.get(name);
    return { tape, array, mode: this.purpose === 'train' ? mode : 'folded', recompute };
  }

  destroy(): void {
    this.store.destroy();
  }
}

function foldedSpecs({ parameters, buffers, folds }: LayerSet): Record<'parameters' | 'buffers', ArraySpec[]> {
  const gone = new Set(folds.flatMap(({ bn }) => NORM_PARTS.map((part) => `${bn}.${part}`)));
  const stays = ({ name }: ArraySpec): boolean => !gone.has(name);
  return { parameters: parameters.filter(stays), buffers: buffers.filter(stays) };
}
