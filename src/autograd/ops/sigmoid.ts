import * as kernels from '../../kernels/sigmoid.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** 1 / (1 + exp(-x)), any axes. */
export function sigmoid<A extends string>(tape: Tape, x: Tensor<A>): Tensor<A> {
  const y = tape.emptyLike(x);
  kernels.sigmoid(tape.recorder, x, y);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.sigmoidGrad(tape.recorder, y, dy, dx);
    return [dx];
  });
}
