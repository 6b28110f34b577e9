import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { focalLoss, type FocalLossOptions } from './focal-loss.js';
import { maskedSigmoid } from './masked-sigmoid.js';
import { iouLoss } from './overlap-loss.js';
import { msSsimLoss, type MsSsimOptions } from './ssim-loss.js';
import { weightedSum, type WeightedSum } from './weighted-sum.js';

export interface HybridLossOptions {
  readonly focal?: Pick<FocalLossOptions, 'gamma' | 'alpha'>;
  readonly msSsim?: MsSsimOptions;
  /** Pixels added above and below the IoU. */
  readonly smooth?: number;
  /** [N, 1, H, W], 0 = pixel left out. */
  readonly mask?: Tensor | undefined;
}

/**
 * The hybrid loss of UNet3+ (Huang et al. 2020, https://arxiv.org/abs/2004.08790) of logits and targets 0 .. 1 [N, C, H, W]: focal + MS-SSIM + IoU
 * over each image and channel; `values` holds the three.
 *
 * @throws RangeError where the sizes do not fit, or the maps are too small for the levels of MS-SSIM
 */
export function hybridLoss(
  tape: Tape,
  logits: Tensor<'NCHW'>,
  target: Tensor<'NCHW'>,
  { focal, msSsim, smooth = 1, mask }: HybridLossOptions = {},
): WeightedSum {
  const parts = [
    focalLoss(tape, logits, target, { ...focal, mask }),
    msSsimLoss(tape, maskedSigmoid(tape, logits, target, { mask }), target, msSsim),
    iouLoss(tape, logits, target, { smooth, mask }),
  ];
  return weightedSum(tape, parts, [1, 1, 1]);
}
