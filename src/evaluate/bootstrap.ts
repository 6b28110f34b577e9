// Confidence intervals by drawing patients, not images: images of one patient resemble each other (Efron and Tibshirani 1993, ch. 13).
import { Random } from '../random.js';

/** A statistic of images that count `weights[i]` times. */
export type Statistic = (weights: Float64Array) => number;

/** A statistic, and its values in every replicate, NaN where a draw leaves it undefined. */
export interface Estimate {
  readonly value: number;
  readonly replicates: Float64Array;
}

export const REPLICATES = 2000;

export interface BootstrapOptions {
  readonly seed: number;
  readonly replicates: number;
}

/** All statistics of an evaluation, by name, over the same draws: two models' replicates are paired by number. */
export class Bootstrap {
  private readonly statistics = new Map<string, Statistic>();

  /** @param patients of each image */
  constructor(
    private readonly patients: readonly string[],
    private readonly options: BootstrapOptions,
  ) {}

  add(name: string, statistic: Statistic): void {
    if (this.statistics.has(name)) throw new Error(`bootstrap: '${name}' was added twice.`);
    this.statistics.set(name, statistic);
  }

  run(): Map<string, Estimate> {
    const { replicates, seed } = this.options;
    const all = new Float64Array(this.patients.length).fill(1);
    const estimates = new Map(
      [...this.statistics].map(([name, statistic]) => [name, { value: statistic(all), replicates: new Float64Array(replicates) }]),
    );
    const draw = patientDraws(this.patients, seed);
    for (let r = 0; r < replicates; r++) {
      const weights = draw(r);
      for (const [name, statistic] of this.statistics) estimates.get(name)!.replicates[r] = statistic(weights);
    }
    return estimates;
  }
}

/** For replicate r: how often each image counts when as many patients as there are have been drawn with replacement. */
function patientDraws(patients: readonly string[], seed: number): (replicate: number) => Float64Array {
  const names = [...new Set(patients)];
  const index = new Map(names.map((name, i) => [name, i]));
  const of = patients.map((name) => index.get(name)!);
  return (replicate) => {
    const random = new Random(seed, replicate);
    const drawn = new Uint32Array(names.length);
    for (let i = 0; i < names.length; i++) drawn[random.int(names.length)]!++;
    return Float64Array.from(of, (patient) => drawn[patient]!);
  };
}

/** Percentile interval: the middle 95 % of the replicates that are defined; null where fewer than half are. */
export function interval(replicates: ArrayLike<number>, coverage = 0.95): { low: number; high: number } | null {
  const defined = Float64Array.from(Array.from(replicates).filter((v) => !Number.isNaN(v))).sort();
  if (defined.length === 0 || defined.length < replicates.length / 2) return null;
  const tail = (1 - coverage) / 2;
  return { low: quantile(defined, tail), high: quantile(defined, 1 - tail) };
}

/** Linear between order statistics (the default of NumPy and R). @param sorted ascending */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  const [a, b] = [sorted[low] ?? NaN, sorted[Math.min(low + 1, sorted.length - 1)] ?? NaN];
  return a === b ? a : a + (at - low) * (b - a);
}

/** How a statistic of two models on the same draws differs. */
export interface Difference {
  /** Second minus first. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided: twice the smaller share of replicates on one side of 0, never 0 itself. */
  readonly p: number;
}

/** Paired bootstrap; null where the statistic is undefined. */
export function pairedDifference(first: Estimate, second: Estimate): Difference | null {
  const differences = second.replicates.map((v, r) => v - first.replicates[r]!);
  const bounds = interval(differences);
  const value = second.value - first.value;
  if (!bounds || Number.isNaN(value)) return null;
  const defined = differences.filter((d) => !Number.isNaN(d));
  const share = (isOn: (d: number) => boolean): number => (defined.filter(isOn).length + 1) / (defined.length + 1);
  const p = Math.min(
    1,
    2 *
      Math.min(
        share((d) => d <= 0),
        share((d) => d >= 0),
      ),
  );
  return { value, ...bounds, p };
}
