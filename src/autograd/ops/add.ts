import * as kernels from '../../kernels/sum.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** Sum of tensors of one shape, two or more, added in the order given. Throws RangeError where the shapes differ. */
export function add<A extends string>(tape: Tape, terms: readonly Tensor<A>[]): Tensor<A> {
  const [first, ...rest] = terms;
  if (!first || rest.length === 0) throw new RangeError(`add: ${terms.length} term(s) given, expected at least two.`);
  for (const term of rest) {
    if (term.axes !== first.axes || term.shape.join() !== first.shape.join()) {
      throw new RangeError(
        `add: found ${term.toString()}, expected the shape of the first term (${first.toString()}). Resize or project it first.`,
      );
    }
  }
  const y = tape.emptyLike(first);
  kernels.sum(tape.recorder, terms, y);
  return tape.push(y, terms, (dy) => terms.map(() => dy));
}
