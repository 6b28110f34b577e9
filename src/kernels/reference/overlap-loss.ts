import { eachPixel, sigmoid, type PixelLossInputs } from './logistic.js';

export interface OverlapInputs extends PixelLossInputs {
  readonly kind: 'dice' | 'iou' | 'tversky';
  /** Tversky's weights of false positives and false negatives. */
  readonly alpha: number;
  readonly beta: number;
  readonly smooth: number;
  readonly exponent: number;
  readonly over: 'sample' | 'batch';
  readonly positivesOnly: boolean;
}

/** Intersection, prediction and truth of one ratio. */
interface Counts {
  i: number;
  p: number;
  g: number;
}

/** Mean over ratios of (1 - index)^exponent, by the textbook formulas, float64. */
export function overlapLoss(logits: Float64Array, s: OverlapInputs): number {
  const counted = countAll(logits, s).filter((k) => !s.positivesOnly || k.g > 0);
  return counted.reduce((sum, k) => sum + (1 - numerator(k, s) / denominator(k, s)) ** s.exponent, 0) / Math.max(1, counted.length);
}

export function overlapLossGrad(logits: Float64Array, s: OverlapInputs): Float64Array {
  const dz = new Float64Array(logits.length);
  const counts = countAll(logits, s);
  const share = Math.max(1, counts.filter((k) => !s.positivesOnly || k.g > 0).length);
  eachPixel(s, (i, c, plane, mask) => {
    const k = counts[s.over === 'batch' ? c : plane]!;
    if (s.positivesOnly && k.g === 0) return;
    const [num, den] = [numerator(k, s), denominator(k, s)];
    const t = s.target[i]!;
    const dNum = s.kind === 'dice' ? 2 * t : t;
    const dDen = s.kind === 'dice' ? 1 : s.kind === 'iou' ? 1 - t : s.alpha + (1 - s.alpha - s.beta) * t;
    const outer = s.exponent === 1 ? 1 : s.exponent * Math.max(1e-12, 1 - num / den) ** (s.exponent - 1);
    const slope = sigmoid(logits[i]!) * sigmoid(-logits[i]!);
    dz[i] = (-mask * outer * slope * (dNum * den - num * dDen)) / (den * den * share);
  });
  return dz;
}

function countAll(logits: Float64Array, s: OverlapInputs): Counts[] {
  const groups = s.over === 'batch' ? s.channels : s.images * s.channels;
  const counts = Array.from({ length: groups }, (): Counts => ({ i: 0, p: 0, g: 0 }));
  eachPixel(s, (i, c, plane, mask) => {
    const k = counts[s.over === 'batch' ? c : plane]!;
    const [p, t] = [sigmoid(logits[i]!), s.target[i]!];
    k.i += mask * p * t;
    k.p += mask * p;
    k.g += mask * t;
  });
  return counts;
}

function numerator({ i }: Counts, s: OverlapInputs): number {
  return (s.kind === 'dice' ? 2 * i : i) + s.smooth;
}

function denominator({ i, p, g }: Counts, s: OverlapInputs): number {
  if (s.kind === 'dice') return p + g + s.smooth;
  if (s.kind === 'iou') return p + g - i + s.smooth;
  return i + s.alpha * (p - i) + s.beta * (g - i) + s.smooth;
}
