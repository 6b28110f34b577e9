import * as kernels from '../../kernels/bce-with-logits.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { checkLossShapes, type Logits } from './loss-shapes.js';

export interface BceOptions {
  /** Factor of every element's term, in the shape of the logits. */
  readonly weight?: Tensor | undefined;
  /** Factor of the positive part of every channel's terms. */
  readonly posWeight?: Tensor<'C'> | undefined;
  /** [N, 1, H, W], 0 = pixel left out. */
  readonly mask?: Tensor | undefined;
}

/**
 * Mean binary cross-entropy of logits and targets 0 .. 1: the sum of weighted terms over the number of elements, as PyTorch's
 * binary_cross_entropy_with_logits; with a mask, over the elements that it leaves in (0 if there are none).
 */
export function bceWithLogits(tape: Tape, logits: Logits, target: Tensor, options: BceOptions = {}): Tensor<''> {
  checkLossShapes('bceWithLogits', logits, { target, weight: options.weight, mask: options.mask, perChannel: options.posWeight });
  const inputs = { logits, target, ...options };
  const loss = tape.empty('', [], 'bce');
  const inverse = tape.empty('', [], 'bce divisor');
  kernels.bceWithLogits(tape.recorder, inputs, { loss, inverse });
  return tape.push(loss, [logits], (dy) => {
    const dz = tape.gradTarget(logits);
    kernels.bceWithLogitsGrad(tape.recorder, inputs, inverse, dy, dz);
    return [dz];
  });
}
