import * as kernels from '../../kernels/weighted-sum.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

export interface WeightedSum {
  readonly total: Tensor<''>;
  /** The scalars themselves, in the order given, for logging: keep it and read it in one go. No gradient flows here. */
  readonly values: Tensor<'E'>;
}

/** total = sum of weights[i] * scalars[i]: the parts of a loss. */
export function weightedSum(tape: Tape, scalars: readonly Tensor<''>[], weights: readonly number[]): WeightedSum {
  if (scalars.length === 0 || scalars.length !== weights.length) {
    throw new RangeError(
      `weightedSum: ${scalars.length} scalars and ${weights.length} weights were given, expected one weight for each of at least one. ` +
        'Leave out a sum without terms.',
    );
  }
  const values = tape.empty('E', [scalars.length], 'loss parts');
  const total = tape.empty('', [], 'loss');
  kernels.weightedSum(tape.recorder, scalars, weights, values, total);
  return { total: tape.push(total, scalars, (dy) => kernels.weightedSumGrad(tape.recorder, weights, dy)), values };
}
