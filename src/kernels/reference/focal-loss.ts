import { eachPixel, maskedCount, sigmoid, softplus, type PixelLossInputs } from './logistic.js';

export interface FocalInputs extends PixelLossInputs {
  readonly gamma: number;
  readonly alpha: number;
}

/** Mean of (alpha t + (1 - alpha)(1 - t)) (1 - p_t)^gamma BCE with p_t = p t + (1 - p)(1 - t), float64. */
export function focalLoss(logits: Float64Array, s: FocalInputs): number {
  let sum = 0;
  eachPixel(s, (i, _c, _plane, mask) => {
    const { share, miss, bce } = parts(logits[i]!, s.target[i]!, s);
    sum += mask * share * miss ** s.gamma * bce;
  });
  return sum / maskedCount(s);
}

export function focalLossGrad(logits: Float64Array, s: FocalInputs): Float64Array {
  const dz = new Float64Array(logits.length);
  const count = maskedCount(s);
  eachPixel(s, (i, _c, _plane, mask) => {
    const [z, t] = [logits[i]!, s.target[i]!];
    const { share, miss, bce } = parts(z, t, s);
    const [p, q] = [sigmoid(z), sigmoid(-z)];
    const dMiss = miss === 0 ? 0 : s.gamma * miss ** (s.gamma - 1) * p * q * (1 - 2 * t);
    dz[i] = (mask * share * (dMiss * bce + miss ** s.gamma * ((1 - t) * p - t * q))) / count;
  });
  return dz;
}

function parts(z: number, t: number, { alpha }: FocalInputs): { share: number; miss: number; bce: number } {
  return {
    share: alpha * t + (1 - alpha) * (1 - t),
    miss: sigmoid(z) * (1 - t) + sigmoid(-z) * t,
    bce: (1 - t) * softplus(z) + t * softplus(-z),
  };
}
