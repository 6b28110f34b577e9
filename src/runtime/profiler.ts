import { GPU_COPY_DST, GPU_COPY_SRC, GPU_MAP_READ, type Device } from './device.js';
import type { Program } from './program.js';

/** Time of every dispatch of a program. */
export interface Profile {
  /** Shader of each dispatch. */
  readonly names: readonly string[];
  /** For every run, nanoseconds of each dispatch. */
  readonly runs: readonly Float64Array[];
  /** Where the times are not the GPU's own: why, and what they are. */
  readonly note: string | null;
}

/** What a query set may hold by the WebGPU standard. */
const MAX_QUERIES = 4096;
const GPU_QUERY_RESOLVE = 0x200;
/** Bits that browsers and Dawn clear in timestamps, so that nobody measures secrets with them. */
const QUANTISED_BITS = 0xffffn;

/**
 * Replays a program with one pass per dispatch and timestamps around each. Passes cost time of their own, and caches may be colder than
 * in a plain replay: the sum is above the time of a step. Without timestamps every dispatch is submitted and waited for alone.
 */
export async function profileProgram(device: Device, program: Program, runs: number): Promise<Profile> {
  const names = program.steps.map(({ dispatch }) => dispatch.shader.name);
  if (!device.gpu.features.has('timestamp-query')) {
    const note = 'no timestamp-query on this adapter: times are those of the clock for every dispatch alone, waiting included';
    return { names, runs: await repeat(runs, () => clockRun(device, program)), note };
  }
  const timer = new Timestamps(device);
  try {
    const times: Float64Array[] = [];
    let quantised = true;
    for (let run = 0; run < runs; run++) {
      const stamps = await timer.run(program);
      quantised &&= stamps.every((t) => (t & QUANTISED_BITS) === 0n);
      times.push(Float64Array.from(names, (_, i) => Math.max(0, Number((stamps[2 * i + 1] ?? 0n) - (stamps[2 * i] ?? 0n)))));
    }
    const note = quantised ? 'timestamps are rounded to 65 us here: sums of many dispatches are right, short kernels are not' : null;
    return { names, runs: times, note };
  } finally {
    timer.destroy();
  }
}

async function repeat<T>(count: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await run());
  return results;
}

async function clockRun(device: Device, program: Program): Promise<Float64Array> {
  const times = new Float64Array(program.dispatchCount);
  for (const [i, step] of program.steps.entries()) {
    const startedAt = performance.now();
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(step.pipeline);
    pass.setBindGroup(0, step.bindGroup);
    pass.dispatchWorkgroups(...step.grid);
    pass.end();
    device.gpu.queue.submit([encoder.finish()]);
    await device.idle();
    times[i] = 1e6 * (performance.now() - startedAt);
  }
  return times;
}

/** A query set with the buffers that bring it back. */
class Timestamps {
  private readonly queries: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly staging: GPUBuffer;

  constructor(private readonly device: Device) {
    this.queries = device.gpu.createQuerySet({ type: 'timestamp', count: MAX_QUERIES });
    this.resolved = device.createBuffer('timestamps', 8 * MAX_QUERIES, GPU_QUERY_RESOLVE | GPU_COPY_SRC);
    this.staging = device.createBuffer('timestamps read', 8 * MAX_QUERIES, GPU_MAP_READ | GPU_COPY_DST);
  }

  /** Start and end of every dispatch of one replay, ns. */
  async run(program: Program): Promise<bigint[]> {
    this.device.check();
    const stamps: bigint[] = [];
    for (let from = 0; from < program.steps.length; from += MAX_QUERIES / 2)
      stamps.push(...(await this.runSome(program.steps.slice(from, from + MAX_QUERIES / 2))));
    return stamps;
  }

  private async runSome(steps: Program['steps']): Promise<BigUint64Array> {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    for (const [i, step] of steps.entries()) {
      const timestampWrites = { querySet: this.queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      pass.setPipeline(step.pipeline);
      pass.setBindGroup(0, step.bindGroup);
      pass.dispatchWorkgroups(...step.grid);
      pass.end();
    }
    const count = 2 * steps.length;
    encoder.resolveQuerySet(this.queries, 0, count, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, 8 * count);
    gpu.queue.submit([encoder.finish()]);
    await this.staging.mapAsync(1 /* GPUMapMode.READ */, 0, 8 * count);
    const stamps = new BigUint64Array(this.staging.getMappedRange(0, 8 * count).slice(0));
    this.staging.unmap();
    this.device.check();
    return stamps;
  }

  destroy(): void {
    this.queries.destroy();
    this.device.destroyBuffer(this.resolved);
    this.device.destroyBuffer(this.staging);
  }
}
