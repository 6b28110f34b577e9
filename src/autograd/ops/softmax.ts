import * as kernels from '../../kernels/softmax.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** exp(x) / sum of exp(x) along an axis, given by its letter. x must lie in one buffer. */
export function softmax<A extends string>(tape: Tape, x: Tensor<A>, axis: string): Tensor<A> {
  return along(tape, x, axis, false);
}

/** Logarithm of the softmax along an axis, given by its letter; exact where the softmax itself underflows. */
export function logSoftmax<A extends string>(tape: Tape, x: Tensor<A>, axis: string): Tensor<A> {
  return along(tape, x, axis, true);
}

function along<A extends string>(tape: Tape, x: Tensor<A>, letter: string, logarithm: boolean): Tensor<A> {
  const axis = x.axes.indexOf(letter);
  if (letter.length !== 1 || axis < 0) {
    throw new RangeError(
      `${logarithm ? 'logSoftmax' : 'softmax'}: axis ${letter} was given, expected one of ${x.toString()}. Name an axis by its letter.`,
    );
  }
  const settings = { axis, logarithm };
  const y = tape.emptyLike(x);
  kernels.softmax(tape.recorder, x, y, settings);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.softmaxGrad(tape.recorder, y, dy, dx, settings);
    return [dx];
  });
}
