import * as kernels from '../../kernels/class-gate.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/**
 * Logits of the probabilities sigmoid(logits) [N, C, H, W], each multiplied by the probability that its image is of any class but the
 * first: softmax(classes) [N, K]. The soft form of UNet3+'s classification-guided module, which multiplies by the argmax.
 *
 * @throws RangeError where the numbers of images differ, or there is but one class
 */
export function classGate(tape: Tape, logits: Tensor<'NCHW'>, classes: Tensor<'NC'>): Tensor<'NCHW'> {
  if (classes.dim('N') !== logits.dim('N') || classes.dim('C') < 2) {
    throw new RangeError(
      `classGate: classes ${classes.toString()}, expected ${logits.dim('N')} images (${logits.toString()}) and at least two classes. Take the class logits of the same images.`,
    );
  }
  const y = tape.emptyLike(logits);
  const inputs = { logits, classes };
  kernels.classGate(tape.recorder, inputs, y);
  return tape.push(y, [logits, classes], (dy) => [
    logits.requiresGrad ? gradLogits(tape, inputs, dy) : undefined,
    classes.requiresGrad ? gradClasses(tape, inputs, dy) : undefined,
  ]);
}

function gradLogits(tape: Tape, inputs: kernels.ClassGateInputs, dy: Tensor): Tensor {
  const dl = tape.gradTarget(inputs.logits);
  kernels.classGateGrad(tape.recorder, inputs, dy, dl);
  return dl;
}

function gradClasses(tape: Tape, inputs: kernels.ClassGateInputs, dy: Tensor): Tensor {
  const dz = tape.gradTarget(inputs.classes);
  kernels.classGateGradClasses(tape.recorder, inputs, dy, dz);
  return dz;
}
