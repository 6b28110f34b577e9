import { crossEntropy } from '../autograd/ops/cross-entropy.js';
import { focalLoss } from '../autograd/ops/focal-loss.js';
import { focalTverskyLoss } from '../autograd/ops/overlap-loss.js';
import { weightedSum } from '../autograd/ops/weighted-sum.js';
import type { Tape } from '../autograd/tape.js';
import type { UNet3PlusOutputs } from '../model/unet3plus.js';
import type { Tensor } from '../runtime/tensor.js';
import type { TrainConfig } from './config.js';

export interface Targets {
  /** Level k: [N, channels, P/2^k, P/2^k], 1 = MC. */
  readonly masks: readonly Tensor<'NCHW'>[];
  /** Level k: [N, 1, P/2^k, P/2^k], 0 = left out. */
  readonly weights: readonly Tensor<'NCHW'>[];
  /** Class index of every image: [N]. */
  readonly classes: Tensor<'N'>;
}

/** The loss of one step. */
export interface Objective {
  readonly total: Tensor<''>;
  /** Its two parts, segmentation and classification, in one tensor to be read at once. */
  readonly values: Tensor<'E'>;
}

/**
 * Focal + smoothed focal-Tversky loss for every head at its own scale and for the fused output, and cross-entropy for the class
 * logits of every scale and the fused ones. The fused outputs weigh as much as the finest scale.
 */
export function recordObjective(
  tape: Tape,
  outputs: UNet3PlusOutputs,
  targets: Targets,
  losses: TrainConfig['train']['losses'],
): Objective {
  const levels = [...outputs.heads.keys()];
  const maps = [...outputs.heads.map((logits, k) => ({ logits, level: k })), { logits: outputs.fused, level: 0 }];
  const shares = [...levels.map((k) => losses.scales[k] ?? 0), losses.scales[0]];
  const terms: Tensor<''>[] = [];
  const factors: number[] = [];
  for (const [i, { logits, level }] of maps.entries()) {
    const [target, mask] = [targets.masks[level], targets.weights[level]];
    const share = shares[i] ?? 0;
    if (!target || !mask || share === 0) continue;
    if (losses.focal > 0) {
      terms.push(focalLoss(tape, logits, target, { gamma: losses.focalGamma, alpha: losses.focalAlpha, mask }));
      factors.push(share * losses.focal);
    }
    if (losses.tversky > 0) {
      const { tverskyAlpha: alpha, tverskyBeta: beta, tverskyExponent: exponent, tverskySmooth: smooth } = losses;
      terms.push(focalTverskyLoss(tape, logits, target, { alpha, beta, exponent, smooth, over: 'batch', positivesOnly: true, mask }));
      factors.push(share * losses.tversky);
    }
  }
  const { total: segmentation } = weightedSum(tape, terms, factors);
  const classLogits = [...outputs.classes, ...(outputs.fusedClass ? [outputs.fusedClass] : [])];
  const entropies = classLogits.map((logits) => crossEntropy(tape, logits, targets.classes));
  const classShares = classLogits.map((_, k) => losses.classes * (losses.scales[k] ?? losses.scales[0]));
  const { total: classification } = weightedSum(tape, entropies, classShares);
  const { total, values } = weightedSum(tape, [segmentation, classification], [1, 1]);
  return { total, values };
}
