/** Learning rate over a run: linear warm-up, then half a cosine down to `least`. Counted in updates, not epochs. */
export interface CosineSchedule {
  readonly base: number;
  readonly least: number;
  /** Updates of the warm-up; 0 for none. */
  readonly warmup: number;
  /** Updates of the whole run, warm-up included; later updates stay at `least`. */
  readonly total: number;
}

/**
 * Learning rate of update t = 0, 1, ...: base (t + 1) / warmup during the warm-up, then
 * least + (base - least) (1 + cos(pi (t - warmup) / (total - warmup))) / 2 (SGDR without restarts, arXiv 1608.03983).
 */
export function learningRate(update: number, { base, least, warmup, total }: CosineSchedule): number {
  if (update < warmup) return (base * (update + 1)) / warmup;
  if (update >= total) return least;
  return least + ((base - least) * (1 + Math.cos((Math.PI * (update - warmup)) / (total - warmup)))) / 2;
}
