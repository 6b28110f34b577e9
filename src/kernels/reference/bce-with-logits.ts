import { eachPixel, maskedCount, sigmoid, softplus, type PixelLossInputs } from './logistic.js';

export interface BceInputs extends PixelLossInputs {
  readonly weight?: ArrayLike<number> | undefined;
  /** [C] */
  readonly posWeight?: ArrayLike<number> | undefined;
}

/** Mean of weight * ((1 - t) softplus(z) + posWeight t softplus(-z)), float64. */
export function bceWithLogits(logits: Float64Array, s: BceInputs): number {
  let sum = 0;
  eachPixel(s, (i, c, _plane, mask) => {
    const [z, t] = [logits[i]!, s.target[i]!];
    sum += mask * (s.weight?.[i] ?? 1) * ((1 - t) * softplus(z) + (s.posWeight?.[c] ?? 1) * t * softplus(-z));
  });
  return sum / maskedCount(s);
}

export function bceWithLogitsGrad(logits: Float64Array, s: BceInputs): Float64Array {
  const dz = new Float64Array(logits.length);
  const count = maskedCount(s);
  eachPixel(s, (i, c, _plane, mask) => {
    const [z, t] = [logits[i]!, s.target[i]!];
    const slope = (1 - t) * sigmoid(z) - (s.posWeight?.[c] ?? 1) * t * sigmoid(-z);
    dz[i] = (mask * (s.weight?.[i] ?? 1) * slope) / count;
  });
  return dz;
}
