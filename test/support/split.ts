import type { Tape } from '../../src/autograd/tape.js';
import { sum } from '../../src/kernels/sum.js';
import type { Tensor } from '../../src/runtime/tensor.js';

/**
 * The identity, by adding zeros. On a device with a small `maxBindingBytes` its results, forward and backward, lie in several
 * buffers: put around an op it shows that the op copes with split maps on every side.
 */
export function moved(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  const zeros = tape.recorder.device.tensor('NCHW', x.shape, undefined, 'zeros', x.element);
  const copy = (from: Tensor): Tensor => {
    const to = tape.emptyLike(from);
    sum(tape.recorder, [from, zeros], to);
    return to;
  };
  return tape.push(copy(x) as Tensor<'NCHW'>, [x], (dy) => [copy(dy)]);
}
