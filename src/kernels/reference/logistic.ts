/** 1 / (1 + exp(-z)), accurate relative to its value. */
export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/** log(1 + exp(z)) */
export function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** Logits, targets and optional constants of a loss per pixel, as flat arrays of [N, C, P]. */
export interface PixelLossInputs {
  readonly images: number;
  readonly channels: number;
  readonly plane: number;
  readonly target: ArrayLike<number>;
  /** [N, 1, P], 0 = left out. */
  readonly mask?: ArrayLike<number> | undefined;
}

/** Calls back with the index of every element, its channel, its plane and its mask. */
export function eachPixel(s: PixelLossInputs, visit: (i: number, c: number, plane: number, mask: number) => void): void {
  for (let n = 0; n < s.images; n++) {
    for (let c = 0; c < s.channels; c++) {
      const plane = n * s.channels + c;
      for (let p = 0; p < s.plane; p++) visit(plane * s.plane + p, c, plane, s.mask?.[n * s.plane + p] ?? 1);
    }
  }
}

/** Sum of the mask over all elements; the sum that divides a mean, or Infinity where nothing counts. */
export function maskedCount(s: PixelLossInputs): number {
  let count = 0;
  eachPixel(s, (_i, _c, _plane, mask) => (count += mask));
  return count > 0 ? count : Infinity;
}
