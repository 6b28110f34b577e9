import * as kernels from '../../kernels/dropout.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/**
 * Zeroes elements at random and scales the others by 1 / (1 - probability). The mask is a hash of the element's index, the bits
 * in `seed` (a small persistent tensor, written anew before every step) and `layer` (different for every dropout of a program):
 * forward and gradient agree without storing it, and a step can be repeated bit for bit. Srivastava et al. 2014,
 * https://jmlr.org/papers/v15/srivastava14a.html
 */
export function dropout<A extends string>(tape: Tape, x: Tensor<A>, settings: kernels.DropoutSettings): Tensor<A> {
  const { probability } = settings;
  checkProbability('dropout', x, probability);
  if (probability === 0) return x;
  const y = tape.emptyLike(x);
  kernels.dropout(tape.recorder, x, y, settings);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.dropout(tape.recorder, dy, dx, settings);
    return [dx];
  });
}

/** Throws RangeError, in the name of `op`, for a probability of 1 or out of range. */
export function checkProbability(op: string, x: Tensor, probability: number): void {
  if (probability >= 0 && probability < 1 - 2 ** -32) return;
  throw new RangeError(`${op}: probability ${probability}, expected at least 0 and below 1 (${x.toString()}). Use one between 0 and 0.9.`);
}
