import { Bootstrap, interval, type BootstrapOptions, type Estimate, type Statistic } from './bootstrap.js';

/** A number with its 95 % interval over patients, or why there is none. An interval may be missing where most draws leave it undefined. */
export type Figure = { readonly value: number; readonly low: number | null; readonly high: number | null } | { readonly undefined: string };

/** A figure that is known once all draws are made. */
export type Pending = () => Figure;

/** The figures of one model on one set of images. Topics ask for what they report, then all are drawn at once. */
export class FigureBook {
  private readonly bootstrap: Bootstrap;
  private drawn: Map<string, Estimate> | null = null;

  /** @param patients of each image, in the order of the weights */
  constructor(patients: readonly string[], options: BootstrapOptions) {
    this.bootstrap = new Bootstrap(patients, options);
  }

  /**
   * @param name the same for two models that are to be compared
   * @param reason what to say where the figure is NaN
   */
  ask(name: string, statistic: Statistic, reason: string): Pending {
    this.bootstrap.add(name, statistic);
    return () => {
      const estimate = this.estimates().get(name);
      if (!estimate || Number.isNaN(estimate.value)) return { undefined: reason };
      const bounds = interval(estimate.replicates);
      return { value: rounded(estimate.value), low: bounds && rounded(bounds.low), high: bounds && rounded(bounds.high) };
    };
  }

  estimates(): ReadonlyMap<string, Estimate> {
    this.drawn ??= this.bootstrap.run();
    return this.drawn;
  }
}

/** Six decimals are far below any interval. */
export const rounded = (value: number): number => Number(value.toFixed(6));

/** At most `limit` of the points of a curve, the first and the last among them: enough to draw it. */
export function thinned<T>(points: readonly T[], limit = 300): T[] {
  if (points.length <= limit) return [...points];
  return Array.from({ length: limit }, (_, i) => points[Math.round((i * (points.length - 1)) / (limit - 1))]!);
}
