import * as kernels from '../../kernels/max-pool2d.js';
import { pooledShape } from '../../kernels/pool-window.js';
import type { Tensor } from '../../runtime/tensor.js';
import { settled } from './batch-norm.js';
import type { Placed, Tape } from '../tape.js';

export interface MaxPool2dOptions extends Placed {
  /** Side of the square window, its step (default: the side) and the border that never wins, in pixels. */
  readonly kernelSize: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Keeps a last window that hangs over the far border. */
  readonly ceilMode?: boolean;
}

/**
 * Maximum of every window. As in PyTorch the first of equal maxima, in row-major order of the window, takes the gradient.
 * Throws RangeError where no window fits or the padding exceeds half the window.
 */
export function maxPool2d(
  tape: Tape,
  input: Tensor<'NCHW'>,
  { kernelSize, stride = kernelSize, padding = 0, ceilMode = false, into }: MaxPool2dOptions,
): Tensor<'NCHW'> {
  const window = { kernelSize, stride, padding };
  const x = kernels.areTiles(window) ? input : settled(tape, input);
  const y = tape.placeOf(into, 'NCHW', pooledShape('maxPool2d', x, window, ceilMode), x.label);
  const index = kernels.maxPool2d(tape.recorder, x, y, window);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.maxPool2dGrad(tape.recorder, dy as Tensor<'NCHW'>, index, dx, window);
    return [dx];
  });
}
