import type { Calibration } from './calibrate.js';
import type { Started, Timing } from './measure.js';
import type { ElementType } from '../runtime/storage.js';
import { storedWork, type Work } from './runnable.js';
import type { Timeline } from './timeline.js';

/** Where and on what a row was measured. */
export interface Environment {
  readonly adapter: string;
  readonly driver: string;
  readonly backend: string;
  readonly isFallbackAdapter: boolean;
  /** How feature maps were stored. */
  readonly precision: ElementType;
  /** Which table of kernel choices was in use; null without one. */
  readonly tuning: string | null;
  readonly engine: 'mcgpu';
  readonly version: string;
  /** `+` after it: files were changed since; null outside a checkout. */
  readonly commit: string | null;
  /** ISO 8601, start of the run. */
  readonly date: string;
}

/** How fast an operation of declared work was, beside what the adapter can do. */
export interface Rates extends Pick<Work, 'flops' | 'bytes'>, Calibration {
  readonly gflops: number;
  readonly gbps: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** Parts of the adapter's multiply-add peak, of its copy bandwidth, and of what the two allow at this intensity. */
  readonly shareOfPeak: number;
  readonly shareOfCopy: number;
  readonly shareOfRoof: number;
}

/** GPU time of a step, one pass per kernel: the sum over its dispatches. */
export interface GpuTime {
  readonly medianMs: number;
  readonly minMs: number;
  readonly p90Ms: number;
  /** Where the times are not the GPU's own. */
  readonly note: string | null;
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
  /** In profile mode, and for single kernels. */
  readonly gpu: GpuTime | null;
  readonly rates: Rates | null;
  /** In profile mode. */
  readonly timeline: Timeline | null;
}

export function ratesOf({ flops, bytes }: Pick<Work, 'flops' | 'bytes'>, stepMs: number, calibration: Calibration): Rates {
  const { fmaGflops, copyGbps } = calibration;
  const [gflops, gbps, intensity] = [flops / stepMs / 1e6, bytes / stepMs / 1e6, flops / bytes];
  return {
    flops,
    bytes,
    gflops,
    gbps,
    intensity,
    shareOfPeak: gflops / fmaGflops,
    shareOfCopy: gbps / copyGbps,
    shareOfRoof: gflops / Math.min(fmaGflops, intensity * copyGbps),
    ...calibration,
  };
}

export interface RowParts {
  readonly workload: string;
  readonly started: Started;
  readonly timing: Timing;
  readonly gpu: GpuTime | null;
  readonly timeline: Timeline | null;
  readonly calibration: Calibration | null;
  readonly environment: Environment;
}

export function rowOf({ workload, started, timing, gpu, timeline, calibration, environment }: RowParts): Row {
  const { operation, runnable, firstMs, gpuBytesPeak } = started;
  const dispatches = runnable.program?.dispatchCount ?? null;
  const precise = gpu?.note === null ? gpu : timing; // the GPU's own time, where it is known to the nanosecond
  const rates =
    operation.work && calibration ? ratesOf(storedWork(operation.work, environment.precision), precise.medianMs, calibration) : null;
  return { workload, op: operation.name, ...timing, firstMs, gpuBytesPeak, dispatches, gpu, rates, timeline, ...environment };
}
