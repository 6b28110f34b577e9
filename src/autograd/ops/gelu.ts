import * as kernels from '../../kernels/gelu.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

export interface GeluOptions {
  /** `tanh`: the approximation 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); default `none`, as in PyTorch. */
  readonly approximate?: 'none' | 'tanh';
}

/** x times the standard normal distribution function of x, any axes. Hendrycks, Gimpel 2016, https://arxiv.org/abs/1606.08415 */
export function gelu<A extends string>(tape: Tape, x: Tensor<A>, { approximate = 'none' }: GeluOptions = {}): Tensor<A> {
  const settings = { tanh: approximate === 'tanh' };
  const y = tape.emptyLike(x);
  kernels.gelu(tape.recorder, x, y, settings);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.geluGrad(tape.recorder, x, dy, dx, settings);
    return [dx];
  });
}
