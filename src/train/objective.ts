import { crossEntropy } from '../autograd/ops/cross-entropy.js';
import { focalLoss } from '../autograd/ops/focal-loss.js';
import { maskedSigmoid } from '../autograd/ops/masked-sigmoid.js';
import { focalTverskyLoss, iouLoss } from '../autograd/ops/overlap-loss.js';
import { msSsimLoss } from '../autograd/ops/ssim-loss.js';
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
  /** Its parts, segmentation (where there is any) and classification, in one tensor to be read at once. */
  readonly values: Tensor<'E'>;
}

type Losses = TrainConfig['train']['losses'];

interface Term {
  readonly loss: Tensor<''>;
  readonly weight: number;
}

/** A map of logits and what it is compared with. */
interface MapTargets {
  readonly logits: Tensor<'NCHW'>;
  readonly target: Tensor<'NCHW'>;
  readonly mask: Tensor<'NCHW'>;
}

/**
 * Focal + smoothed focal-Tversky loss (where asked for also IoU) for every head at its own scale and for the fused output, MS-SSIM where asked
 * for of those at full size, and cross-entropy for the class logits of every scale and the fused ones. The fused outputs weigh as
 * much as the finest scale.
 */
export function recordObjective(tape: Tape, outputs: UNet3PlusOutputs, targets: Targets, losses: Losses): Objective {
  const levels = [...outputs.heads.keys()];
  const maps = [...outputs.heads.map((logits, k) => ({ logits, level: k })), { logits: outputs.fused, level: 0 }];
  const shares = [...levels.map((k) => losses.scales[k] ?? 0), losses.scales[0]];
  const terms = maps.flatMap(({ logits, level }, i) => {
    const [target, mask] = [targets.masks[level], targets.weights[level]];
    const share = shares[i] ?? 0;
    if (!target || !mask || share === 0) return [];
    const map = { logits, target, mask };
    const whole = level === 0 ? structureTerms(tape, map, losses) : [];
    return [...pixelTerms(tape, map, losses), ...whole].map(({ loss, weight }) => ({ loss, weight: share * weight }));
  });
  const { total: segmentation } = weightedSum(
    tape,
    terms.map((t) => t.loss),
    terms.map((t) => t.weight),
  );
  const classLogits = [...outputs.classes, ...(outputs.fusedClass ? [outputs.fusedClass] : [])];
  const entropies = classLogits.map((logits) => crossEntropy(tape, logits, targets.classes));
  const classShares = classLogits.map((_, k) => losses.classes * (losses.scales[k] ?? losses.scales[0]));
  const { total: classification } = weightedSum(tape, entropies, classShares);
  const { total, values } = weightedSum(tape, [segmentation, classification], [1, 1]);
  return { total, values };
}

/** Cross-entropy of a classifier's logits, mean over the batch: it has nothing else to learn from. */
export function recordClassObjective(tape: Tape, logits: Tensor<'NC'>, classes: Tensor<'N'>): Objective {
  return weightedSum(tape, [crossEntropy(tape, logits, classes)], [1]);
}

/** The losses of any scale. */
function pixelTerms(tape: Tape, { logits, target, mask }: MapTargets, losses: Losses): Term[] {
  const terms: Term[] = [];
  const { tverskyAlpha: alpha, tverskyBeta: beta, tverskyExponent: exponent, tverskySmooth: smooth } = losses;
  const ratio = { smooth, over: 'batch', positivesOnly: true, mask } as const;
  if (losses.focal > 0) {
    const settings = { gamma: losses.focalGamma, alpha: losses.focalAlpha, mask };
    terms.push({ loss: focalLoss(tape, logits, target, settings), weight: losses.focal });
  }
  if (losses.tversky > 0) {
    const settings = { ...ratio, alpha, beta, exponent };
    terms.push({ loss: focalTverskyLoss(tape, logits, target, settings), weight: losses.tversky });
  }
  if (losses.iou > 0) terms.push({ loss: iouLoss(tape, logits, target, ratio), weight: losses.iou });
  return terms;
}

/** The usual window is 11 px wide with a standard deviation of 1.5 px. */
const SIGMA_PER_PIXEL = 1.5 / 11;

/** MS-SSIM of a map of full size: coarser heads are too small for five levels. */
function structureTerms(tape: Tape, { logits, target, mask }: MapTargets, { msSsim, msSsimWindow: windowSize }: Losses): Term[] {
  if (msSsim === 0) return [];
  const probabilities = maskedSigmoid(tape, logits, target, { mask });
  return [{ loss: msSsimLoss(tape, probabilities, target, { windowSize, sigma: SIGMA_PER_PIXEL * windowSize }), weight: msSsim }];
}
