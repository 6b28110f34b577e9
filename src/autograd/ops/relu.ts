import * as kernels from '../../kernels/relu.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** max(x, 0), any axes; written `into` a given place if there is one. */
export function relu<A extends string>(tape: Tape, x: Tensor<A>, { into }: { into?: Tensor<A> | undefined } = {}): Tensor<A> {
  const y = tape.placeOf(into, x.axes, x.shape, x.label);
  kernels.relu(tape.recorder, x, y);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.reluGrad(tape.recorder, y, dy, dx);
    return [dx];
  });
}
