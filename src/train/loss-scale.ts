import type { Device } from '../runtime/device.js';
import { tensorIn, type Tensor } from '../runtime/tensor.js';

export interface LossScaling {
  /** A power of two. */
  readonly initial: number;
  /** Updates after which the scale doubles; 0 = it never changes. */
  readonly growthInterval: number;
}

/** Gradients as they are. */
export const NO_LOSS_SCALING: LossScaling = { initial: 1, growthInterval: 0 };

/**
 * For maps of half precision, whose least number is 2^-24: the gradient of a mean over many pixels is below that. The values are those of
 * torch.amp.GradScaler, which also halves after a step that was not finite.
 */
export const DYNAMIC_LOSS_SCALING: LossScaling = { initial: 2 ** 16, growthInterval: 2000 };

/** The factor on the gradient of the loss. It lives on the GPU, where the gradient norm moves it: no step waits to read it. */
export class LossScale {
  /** Scale, its inverse, updates since it changed, and the inverse of the last step. */
  readonly state: Tensor<'E'>;
  /** The gradient of the loss by itself, times the scale: where `Tape.backward` begins. */
  readonly gradient: Tensor<''>;

  constructor(
    private readonly device: Device,
    readonly scaling: LossScaling,
  ) {
    this.state = device.tensor('E', [4], undefined, 'loss scale');
    const { storage } = this.state.buffer;
    this.gradient = tensorIn({ storage, offsetBytes: 0, sizeBytes: 4 }, '', [], 'loss scale');
    this.set(scaling.initial, 0);
  }

  get isDynamic(): boolean {
    return this.scaling.growthInterval > 0;
  }

  set(scale: number, updatesSinceChange: number): void {
    this.device.write(this.state, [scale, 1 / scale, updatesSinceChange, 1 / scale]);
  }

  /** The scale of the next step, updates since it changed, and the inverse of the scale that the last step was computed with. */
  async read(): Promise<{ scale: number; updatesSinceChange: number; lastInverse: number }> {
    const [scale = NaN, , updatesSinceChange = NaN, lastInverse = NaN] = await this.device.read(this.state);
    return { scale, updatesSinceChange, lastInverse };
  }

  destroy(): void {
    const { buffer } = this.state.buffer.storage;
    if (buffer) this.device.destroyBuffer(buffer);
  }
}
