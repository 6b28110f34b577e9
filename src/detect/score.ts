// Scores of a whole image from class logits that pool over it. A tile hands over sums over its core, not means: cores partition
// the image, so the sums of all tiles are the sums over the image, however it was cut (up to rounding).

import { ATTENTION_EPS } from '../kernels/attention-pool.js';

/** P(any MC in the image) and P(malignant-like MCs in it), 0 .. 1, from the softmax of the fused class logits. */
export interface ImageScores {
  readonly mcScore: number;
  readonly malignancyScore: number;
}

/**
 * Attention pooling of one scale over a part of the image, before the division: with attention a(p) >= 0 and features f(c, p),
 * `weighted[c]` = sum over pixels p of a * f, `weight` = [sum of a]. Several attentions lie one after the other: weight[g]
 * belongs to the g-th of equal parts of `weighted`.
 */
export interface PooledSums {
  readonly weighted: ArrayLike<number>;
  readonly weight: ArrayLike<number>;
}

/** The linear class head of one scale: weight [classes, channels] row-major, bias [classes]. */
export interface ClassHead {
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
}

function sumEntries(parts: readonly ArrayLike<number>[], what: string): Float64Array {
  const length = parts[0]?.length ?? 0;
  const total = new Float64Array(length);
  for (const part of parts) {
    if (part.length !== length)
      throw new RangeError(`mergeSums: ${what} of ${part.length} entries beside one of ${length}, expected equal.`);
    for (let i = 0; i < length; i++) total[i] = (total[i] ?? 0) + (part[i] ?? 0);
  }
  return total;
}

/** The sums over the union of the tiles' cores, in float64: thousands of float32 tile sums lose nothing that matters. */
export function mergeSums(tiles: readonly PooledSums[]): PooledSums {
  return {
    weighted: sumEntries(
      tiles.map((t) => t.weighted),
      'weighted sums',
    ),
    weight: sumEntries(
      tiles.map((t) => t.weight),
      'attention sums',
    ),
  };
}

/**
 * Pooled features [channels] = sum of a*f / (sum of a + eps); 0 where nothing is attended to.
 * @param eps as in training, pixels: without it an image without any MC would be pooled from numerical dust
 */
export function pooledFeatures({ weighted, weight }: PooledSums, eps = ATTENTION_EPS): Float64Array {
  const part = weighted.length / weight.length;
  if (!Number.isInteger(part))
    throw new RangeError(`pooledFeatures: ${weighted.length} features do not split into ${weight.length} parts.`);
  return Float64Array.from({ length: weighted.length }, (_, c) => {
    const total = (weight[Math.floor(c / part)] ?? 0) + eps;
    return total === 0 ? 0 : (weighted[c] ?? 0) / total;
  });
}

/** Class logits [classes] of one scale: weight * features + bias. */
export function headLogits(features: ArrayLike<number>, { weight, bias }: ClassHead): Float64Array {
  const channels = features.length;
  if (weight.length !== channels * bias.length)
    throw new RangeError(`headLogits: weight has ${weight.length} entries, expected ${bias.length} x ${channels}.`);
  return Float64Array.from({ length: bias.length }, (_, k) => {
    let logit = bias[k] ?? 0;
    for (let c = 0; c < channels; c++) logit += (weight[k * channels + c] ?? 0) * (features[c] ?? 0);
    return logit;
  });
}

/** Fused class logits: the sum of all scales' logits. */
export function fusedLogits(scales: readonly { readonly sums: PooledSums; readonly head: ClassHead }[]): Float64Array {
  return sumEntries(
    scales.map(({ sums, head }) => headLogits(pooledFeatures(sums), head)),
    'logits',
  );
}

/** Class logits of an image from those of windows of it: their mean weighted by each window's P(any MC), as attention pooling weighs pixels. */
export function pooledLogits(windows: readonly ArrayLike<number>[]): Float64Array {
  const logWeights = windows.map(logMcScore);
  const largest = Math.max(...logWeights);
  const sums = windows.map((logits, i): PooledSums => {
    const weight = Math.exp(logWeights[i]! - largest); // not all 0, however sure every window is that it holds nothing
    return { weighted: Array.from(logits, (l) => weight * l), weight: [weight] };
  });
  return pooledFeatures(mergeSums(sums), 0);
}

/** Logarithm of mcScore. */
function logMcScore(logits: ArrayLike<number>): number {
  const [none = 0, ...rest] = Array.from(logits);
  const any = logSumExp(rest);
  return any - logSumExp([none, any]);
}

function logSumExp(values: readonly number[]): number {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

/** Softmax. @param logits in the order of CLASSES */
export function classProbabilities(logits: ArrayLike<number>): Float64Array {
  const odds = shiftedExponentials(logits);
  const total = odds.reduce((a, b) => a + b, 0);
  return odds.map((o) => o / total);
}

/** Shifted by the largest, so that none overflows. */
function shiftedExponentials(logits: ArrayLike<number>): Float64Array {
  const top = Math.max(...Array.from(logits));
  return Float64Array.from(logits, (l) => Math.exp(l - top));
}

/**
 * mcScore = 1 - P(none), malignancyScore = P(malignant-like).
 * @param logits fused class logits in the order of CLASSES: none, benign-like, malignant-like
 */
export function imageScores(logits: ArrayLike<number>): ImageScores {
  if (logits.length !== 3) throw new RangeError(`imageScores: ${logits.length} logits, expected 3 (none, benign-like, malignant-like).`);
  const [n = 0, b = 0, m = 0] = shiftedExponentials(logits);
  return { mcScore: (b + m) / (n + b + m), malignancyScore: m / (n + b + m) }; // summed over the two, so that a tiny mcScore is not lost in 1 - P
}
