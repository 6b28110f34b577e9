import * as kernels from '../../kernels/focal-loss.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { checkLossShapes, type Logits } from './loss-shapes.js';

export interface FocalLossOptions {
  /** Exponent that lets easy pixels count little; 0 = weighted cross-entropy. */
  readonly gamma?: number;
  /** Weight of positive pixels; negative ones weigh 1 - alpha. */
  readonly alpha?: number;
  /** [N, 1, H, W], 0 = pixel left out. */
  readonly mask?: Tensor | undefined;
}

/**
 * Mean focal loss (arXiv 1708.02002) of logits and targets 0 .. 1: alpha_t (1 - p_t)^gamma BCE over the number of elements, or
 * over those that the mask leaves in (0 if there are none).
 */
export function focalLoss(
  tape: Tape,
  logits: Logits,
  target: Tensor,
  { gamma = 2, alpha = 0.25, mask }: FocalLossOptions = {},
): Tensor<''> {
  checkLossShapes('focalLoss', logits, { target, mask });
  if (!(gamma >= 0)) throw new RangeError(`focalLoss: gamma is ${gamma}, expected 0 or more. 2 is usual.`);
  const inputs = { logits, target, mask };
  const settings = { gamma, alpha };
  const loss = tape.empty('', [], 'focalLoss');
  const inverse = tape.empty('', [], 'focal divisor');
  kernels.focalLoss(tape.recorder, inputs, settings, { loss, inverse });
  return tape.push(loss, [logits], (dy) => {
    const dz = tape.gradTarget(logits);
    kernels.focalLossGrad(tape.recorder, inputs, settings, inverse, dy, dz);
    return [dz];
  });
}
