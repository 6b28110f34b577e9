import { calibrateCopy, calibrateFma } from '../kernels/calibrate.js';
import type { Device } from '../runtime/device.js';
import { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { quantile } from './measure.js';
import { freeTensors } from './runnable.js';

/** What the adapter can do at most, measured in this run. */
export interface Calibration {
  /** Multiply-adds out of registers, 10^9 operations per second. */
  readonly fmaGflops: number;
  /** Bytes read and written by a copy, 10^9 per second. */
  readonly copyGbps: number;
}

export interface CalibrationSize {
  readonly copyBytes: number;
  /** Invocations of the multiply-add kernel: several times what the largest GPU runs at once. */
  readonly invocations: number;
  /** What is timed takes at least so long. */
  readonly leastMs: number;
}

const SIZE: CalibrationSize = { copyBytes: 64 * 2 ** 20, invocations: 2 ** 20, leastMs: 30 };
const REPS = 7;
const MOST_REPEATS = 2 ** 20;

/**
 * The peak of multiply-adds and the bandwidth of a copy, each the fastest of a few runs that are long enough for the clock: timestamps may
 * be rounded, and to submit and wait takes well under a millisecond.
 */
export async function calibrate(device: Device, { copyBytes, invocations, leastMs }: CalibrationSize = SIZE): Promise<Calibration> {
  const tensors = [invocations, copyBytes / 4, copyBytes / 4].map((size) => device.tensor('E', [size]));
  const [y, from, to] = tensors as [Tensor<'E'>, Tensor<'E'>, Tensor<'E'>];
  try {
    const fma = await fastest(device, leastMs, (r, rounds) => calibrateFma(r, y, rounds));
    const copy = await fastest(device, leastMs, (r, copies) => {
      for (let i = 0; i < copies; i++) calibrateCopy(r, from, to);
      return 2 * copyBytes * copies;
    });
    return { fmaGflops: fma / 1e6, copyGbps: copy / 1e6 };
  } finally {
    freeTensors(device, tensors);
  }
}

/** Work per millisecond of a recording that repeats something; it is repeated more often until it takes `leastMs`. */
async function fastest(device: Device, leastMs: number, record: (r: Recorder, repeats: number) => number): Promise<number> {
  for (let repeats = 1; ;) {
    const recorder = new Recorder(device);
    const work = record(recorder, repeats);
    const program = await recorder.compile({ label: 'calibration' });
    const times: number[] = [];
    for (let rep = 0; rep < REPS; rep++) {
      const startedAt = performance.now();
      program.run();
      await device.idle();
      times.push(performance.now() - startedAt);
    }
    program.destroy();
    const ms = quantile(times, 0);
    if (ms >= leastMs || repeats >= MOST_REPEATS) return work / ms;
    repeats = Math.min(MOST_REPEATS, Math.ceil(repeats * Math.min(32, Math.max(2, (1.2 * leastMs) / ms))));
  }
}
