import type { Device } from '../runtime/device.js';
import { Tensor } from '../runtime/tensor.js';

/** What changes from step to step. */
export interface StepValues {
  readonly learningRate: number;
  /** Updates before this one: 0 for the first. */
  readonly update: number;
  /** 32 random bits of this step, for dropout. */
  readonly seed: number;
  /** 1 - beta1^(update + 1) and 1 - beta2^(update + 1); 1 where the optimizer has no moments. */
  readonly biasCorrections: readonly [number, number];
  /** Share of the new weights in their moving average. */
  readonly averageShare: number;
}

/** Floats before the seed: 256 bytes, so that each part can be bound by itself. */
const SEED_WORD = 64;
const WORDS = SEED_WORD + 4;

/**
 * The few numbers that a recorded training step reads anew each time, in one small persistent buffer written by one writeBuffer:
 *
 * | word | as | content |
 * |---|---|---|
 * | 0 | f32 | learning rate |
 * | 1, 2 | f32 | bias corrections 1 - beta^t of the first and second moment, computed in float64 |
 * | 3 | f32 | t, the number of this update from 1 |
 * | 4 | f32 | share of the new weights in their moving average |
 * | 64 (byte 256) | u32 | random bits of this step |
 */
export class StepState {
  /** Words 0-4, for the optimizer. */
  readonly numbers: Tensor<'E'>;
  /** Word 64: 32 random bits that differ from step to step. */
  readonly seed: Tensor<'E'>;
  private readonly words = new ArrayBuffer(4 * WORDS);

  constructor(private readonly device: Device) {
    const storage = device.persistentStorage('step state', 4 * WORDS);
    const part = (label: string, offsetBytes: number, words: number): Tensor<'E'> =>
      new Tensor('E', [words], [{ buffer: { storage, offsetBytes, sizeBytes: 4 * words }, blockChannels: 1, offset: 0, count: 1 }], label);
    this.numbers = part('step numbers', 0, 8);
    this.seed = part('step seed', 4 * SEED_WORD, 1);
  }

  /** Sends the numbers of the next step; steps submitted before keep theirs. */
  write({ learningRate, update, seed, biasCorrections, averageShare }: StepValues): void {
    const floats = new Float32Array(this.words);
    floats.set([learningRate, ...biasCorrections, update + 1, averageShare]);
    new Uint32Array(this.words)[SEED_WORD] = seed;
    const { buffer } = this.numbers.buffer.storage;
    if (!buffer) throw new Error('step state: no memory.');
    this.device.gpu.queue.writeBuffer(buffer, 0, this.words);
  }

  destroy(): void {
    const { buffer } = this.numbers.buffer.storage;
    if (buffer) this.device.destroyBuffer(buffer);
  }
}
