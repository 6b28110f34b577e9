import * as kernels from '../../kernels/avg-pool2d.js';
import { pooledShape } from '../../kernels/pool-window.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';
import { settled } from './batch-norm.js';

export interface AvgPool2dOptions extends Placed {
  /** Side of the square window, its step (default: the side) and the border of zeros, in pixels. */
  readonly kernelSize: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Keeps a last window that hangs over the far border. */
  readonly ceilMode?: boolean;
  /** Divides by the padding too; never by what ceil mode adds beyond it. */
  readonly countIncludePad?: boolean;
}

/** Mean of every window. Throws RangeError where no window fits or the padding exceeds half the window. */
export function avgPool2d(
  tape: Tape,
  input: Tensor<'NCHW'>,
  { kernelSize, stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true, into }: AvgPool2dOptions,
): Tensor<'NCHW'> {
  const x = settled(tape, input);
  const window = { kernelSize, stride, padding, countIncludePad };
  const y = tape.placeOf(into, 'NCHW', pooledShape('avgPool2d', x, window, ceilMode), x.label);
  kernels.avgPool2d(tape.recorder, x, y, window);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.avgPool2dGrad(tape.recorder, dy as Tensor<'NCHW'>, dx, window);
    return [dx];
  });
}
