import * as kernels from '../../kernels/masked-sigmoid.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { checkLossShapes } from './loss-shapes.js';

/**
 * Probabilities for a loss that compares neighbourhoods: sigmoid(logits) [N, C, H, W] in float32. Pixels that the mask [N, 1, H, W] leaves out
 * (0) take the value of their target, so that they agree with it and have no gradient.
 *
 * @throws RangeError where target or mask do not fit the logits
 */
export function maskedSigmoid(
  tape: Tape,
  logits: Tensor<'NCHW'>,
  target: Tensor<'NCHW'>,
  { mask }: { readonly mask?: Tensor | undefined } = {},
): Tensor<'NCHW'> {
  checkLossShapes('maskedSigmoid', logits, { target, mask });
  const inputs = { logits, target, mask };
  const y = tape.empty('NCHW', logits.shape, 'probabilities', 'f32');
  kernels.maskedSigmoid(tape.recorder, inputs, y);
  return tape.push(y, [logits], (dy) => {
    const dz = tape.gradTarget(logits);
    kernels.maskedSigmoidGrad(tape.recorder, inputs, dy, dz);
    return [dz];
  });
}
