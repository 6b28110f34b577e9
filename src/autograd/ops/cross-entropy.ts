import * as kernels from '../../kernels/cross-entropy.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import type { Logits } from './loss-shapes.js';

export interface CrossEntropyOptions {
  /** Weight of every class. */
  readonly weight?: Tensor<'C'> | undefined;
  /** Share of the target that is spread evenly over the classes. */
  readonly labelSmoothing?: number;
  /** Class index that leaves a row out. */
  readonly ignoreIndex?: number;
  /** One factor per row, 0 = left out: [N], or [N, 1, H, W]. */
  readonly mask?: Tensor | undefined;
}

/**
 * Mean cross-entropy of class logits [N, C] or [N, C, H, W] as torch.nn.functional.cross_entropy. The target holds class indices
 * as floats ([N], [N, H, W] or [N, 1, H, W]; the sum is divided by the weights of the targets) or, in the axes of the logits,
 * probabilities (divided by the number of rows). Where every row is left out the loss is 0, not NaN.
 */
export function crossEntropy(
  tape: Tape,
  logits: Logits,
  target: Tensor,
  { weight, labelSmoothing = 0, ignoreIndex = -100, mask }: CrossEntropyOptions = {},
): Tensor<''> {
  const probabilities = target.axes === logits.axes && target.shape.join() === logits.shape.join();
  checkShapes(logits, target, probabilities, weight, mask);
  const inputs = { logits, target, weight, mask };
  const settings = { smoothing: labelSmoothing, ignored: ignoreIndex, probabilities };
  const loss = tape.empty('', [], 'cross-entropy');
  const inverse = tape.empty('', [], 'cross-entropy divisor');
  kernels.crossEntropy(tape.recorder, inputs, settings, { loss, inverse });
  return tape.push(loss, [logits], (dy) => {
    const dz = tape.gradTarget(logits);
    kernels.crossEntropyGrad(tape.recorder, inputs, settings, inverse, dy, dz);
    return [dz];
  });
}

function checkShapes(logits: Logits, target: Tensor, probabilities: boolean, weight: Tensor | undefined, mask: Tensor | undefined): void {
  const rows = logits.size / logits.dim('C');
  const perRow = (t: Tensor): boolean => t.size === rows && t.shape[0] === logits.shape[0];
  if ((probabilities || perRow(target)) && (!weight || weight.size === logits.dim('C')) && (!mask || perRow(mask))) return;
  const found = [logits, target, weight, mask].filter((t) => t !== undefined).map(String);
  throw new RangeError(
    `crossEntropy: the sizes do not fit (${found.join(', ')}), expected ${rows} class indices or probabilities as the logits, ` +
      `${logits.dim('C')} weights, a mask of ${rows}. Take the targets of this head.`,
  );
}
