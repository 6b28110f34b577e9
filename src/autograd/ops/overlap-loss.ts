import { mapView } from '../../kernels/map-view.js';
import * as kernels from '../../kernels/overlap-loss.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { checkLossShapes, type Logits } from './loss-shapes.js';

/** What the losses by overlap have in common. */
export interface OverlapLossOptions {
  /** Pixels added above and below the ratio: keeps a gradient where the mask is empty. */
  readonly smooth?: number;
  /** One ratio per image and channel, or per channel over the whole batch. */
  readonly over?: 'sample' | 'batch';
  /** Leaves ratios without a positive pixel out of the mean (0 if none has one). */
  readonly positivesOnly?: boolean;
  /** [N, 1, H, W], 0 = pixel left out. */
  readonly mask?: Tensor | undefined;
}

export interface TverskyOptions extends OverlapLossOptions {
  /** Weight of false positives. */
  readonly alpha?: number;
  /** Weight of false negatives. */
  readonly beta?: number;
}

/** Mean of 1 - (2I + s) / (P + G + s): prediction P = sigmoid of the logits, targets G 0 .. 1, intersection I. */
export function diceLoss(tape: Tape, logits: Logits, target: Tensor, options: OverlapLossOptions = {}): Tensor<''> {
  return overlapLoss(tape, 'diceLoss', logits, target, options, { kappa: 2, alpha: 1, beta: 1, exponent: 1 });
}

/** Mean of 1 - (I + s) / (P + G - I + s). */
export function iouLoss(tape: Tape, logits: Logits, target: Tensor, options: OverlapLossOptions = {}): Tensor<''> {
  return overlapLoss(tape, 'iouLoss', logits, target, options, { kappa: 1, alpha: 1, beta: 1, exponent: 1 });
}

/** Mean of 1 - index, index = (I + s) / (I + alpha FP + beta FN + s) (arXiv 1706.05721). */
export function tverskyLoss(tape: Tape, logits: Logits, target: Tensor, options: TverskyOptions = {}): Tensor<''> {
  const { alpha = 0.3, beta = 0.7, ...shared } = options;
  return overlapLoss(tape, 'tverskyLoss', logits, target, shared, { kappa: 1, alpha, beta, exponent: 1 });
}

/** Mean of (1 - Tversky index)^exponent (arXiv 1810.07842 calls the exponent 1 / gamma). */
export function focalTverskyLoss(
  tape: Tape,
  logits: Logits,
  target: Tensor,
  options: TverskyOptions & { readonly exponent?: number } = {},
): Tensor<''> {
  const { alpha = 0.3, beta = 0.7, exponent = 0.75, ...shared } = options;
  if (!(exponent > 0)) throw new RangeError(`focalTverskyLoss: exponent is ${exponent}, expected more than 0. 0.75 is usual.`);
  return overlapLoss(tape, 'focalTverskyLoss', logits, target, shared, { kappa: 1, alpha, beta, exponent });
}

/** All of them are the mean of (E / (kappa I + E + smooth))^exponent with E = alpha FP + beta FN: 1 - index without the cancellation. */
function overlapLoss(
  tape: Tape,
  name: string,
  logits: Logits,
  target: Tensor,
  { smooth = 1, over = 'sample', positivesOnly = false, mask }: OverlapLossOptions,
  ratio: { readonly kappa: number; readonly alpha: number; readonly beta: number; readonly exponent: number },
): Tensor<''> {
  checkLossShapes(name, logits, { target, mask });
  const inputs = { logits, target, mask };
  const loss = tape.empty('', [], name);
  const slopes = tape.empty('E', [2 * kernels.overlapGroups(mapView(logits), over)], `${name} slopes`);
  kernels.overlapLoss(tape.recorder, inputs, { ...ratio, smooth, over, positivesOnly }, loss, slopes);
  return tape.push(loss, [logits], (dy) => {
    const dz = tape.gradTarget(logits);
    kernels.overlapLossGrad(tape.recorder, inputs, slopes, dy, dz);
    return [dz];
  });
}
