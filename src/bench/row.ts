import type { Started, Timing } from './measure.js';

/** Where and on what a row was measured. */
export interface Environment {
  readonly adapter: string;
  readonly driver: string;
  readonly backend: string;
  readonly isFallbackAdapter: boolean;
  readonly engine: 'mcgpu';
  readonly version: string;
  /** `+` after it: files were changed since; null outside a checkout. */
  readonly commit: string | null;
  /** ISO 8601, start of the run. */
  readonly date: string;
}

/** One measured operation; one line of JSON. */
export interface Row extends Timing, Environment {
  readonly workload: string;
  readonly op: string;
  readonly firstMs: number;
  /** Largest sum of live GPU buffers. */
  readonly gpuBytesPeak: number;
  /** Of one step; null where steps are several programs. */
  readonly dispatches: number | null;
}

export function rowOf(workload: string, { operation, runnable, firstMs, gpuBytesPeak }: Started, timing: Timing, where: Environment): Row {
  const dispatches = runnable.program?.dispatchCount ?? null;
  return { workload, op: operation.name, ...timing, firstMs, gpuBytesPeak, dispatches, ...where };
}
