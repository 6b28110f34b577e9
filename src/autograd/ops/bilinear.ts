import * as kernels from '../../kernels/bilinear.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';
import { settled } from './batch-norm.js';

/** Positions are whole numbers of 1 / (2 * out) pixels, in 32 bits with sign. */
const MAX_PRODUCT = 2 ** 29;

export interface BilinearOptions extends Placed {
  /** Of the result, pixels. */
  readonly height: number;
  readonly width: number;
}

/**
 * Bilinear resampling to `height` x `width` pixels, up or down, with half-pixel centres (PyTorch's align_corners=False) and no
 * antialiasing. Throws RangeError for sizes below 1 or beyond 32-bit arithmetic.
 */
export function bilinear(tape: Tape, input: Tensor<'NCHW'>, { height, width, into }: BilinearOptions): Tensor<'NCHW'> {
  const x = settled(tape, input);
  for (const [size, outSize] of [
    [x.dim('H'), height],
    [x.dim('W'), width],
  ] as const) {
    if (!Number.isInteger(outSize) || outSize < 1 || size * outSize > MAX_PRODUCT) {
      throw new RangeError(
        `bilinear: ${size} to ${outSize} pixels, expected a whole number >= 1 with a product of at most ${MAX_PRODUCT} (${x.toString()}). Use smaller tiles.`,
      );
    }
  }
  const y = tape.placeOf(into, 'NCHW', [x.dim('N'), x.dim('C'), height, width], x.label);
  kernels.bilinear(tape.recorder, x, y);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.bilinearGrad(tape.recorder, dy as Tensor<'NCHW'>, dx);
    return [dx];
  });
}
