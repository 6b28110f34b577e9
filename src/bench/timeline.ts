import type { Profile } from '../runtime/profiler.js';
import { quantile } from './measure.js';
import type { GpuTime } from './row.js';

/** The kernels of a step, longest first. */
export type Timeline = readonly {
  readonly kernel: string;
  readonly count: number;
  readonly ms: number;
  /** Of the whole step. */
  readonly share: number;
}[];

/** Time of a whole step over the runs. */
export function gpuTime({ runs, note }: Profile): GpuTime {
  const totals = runs.map((times) => times.reduce((sum, ns) => sum + ns, 0) / 1e6);
  return { medianMs: quantile(totals, 0.5), minMs: quantile(totals, 0), p90Ms: quantile(totals, 0.9), note };
}

/** Sums over the dispatches of each kernel; of the runs the median of every dispatch. */
export function timelineOf({ names, runs }: Profile): Timeline {
  const kernels = new Map<string, { count: number; ms: number }>();
  let total = 0;
  for (const [i, name] of names.entries()) {
    const ms =
      quantile(
        runs.map((times) => times[i] ?? NaN),
        0.5,
      ) / 1e6;
    const { count, ms: before } = kernels.get(name) ?? { count: 0, ms: 0 };
    kernels.set(name, { count: count + 1, ms: before + ms });
    total += ms;
  }
  return [...kernels]
    .map(([kernel, { count, ms }]) => ({ kernel, count, ms, share: total > 0 ? ms / total : 0 }))
    .sort((a, b) => b.ms - a.ms);
}
