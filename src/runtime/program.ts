import { UserError } from '../errors.js';
import { GPU_COPY_DST, GPU_COPY_SRC, GPU_STORAGE, GPU_UNIFORM, mebibytes, type Device } from './device.js';
import { planMemory, type Lifetime, type MemoryPlan } from './memory-plan.js';
import type { Dispatch, Grid } from './recorder.js';
import { packParams } from './shader.js';
import type { Storage } from './storage.js';

export interface CompileOptions {
  /** Largest sum of transient memory allowed, in bytes. */
  readonly memoryBudgetBytes?: number;
  readonly label?: string;
}

/** One dispatch, ready to be encoded. */
export interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: Grid;
  /** What was recorded. */
  readonly dispatch: Dispatch;
}

/** Dispatches per submit: the GPU starts early and no command buffer grows long. */
const DISPATCHES_PER_SUBMIT = 96;

/** A compiled list of dispatches; `run` replays it without creating anything on the GPU. */
export class Program {
  constructor(
    private readonly device: Device,
    readonly steps: readonly Step[],
    readonly plan: MemoryPlan,
    private readonly buffers: readonly GPUBuffer[],
  ) {}

  get dispatchCount(): number {
    return this.steps.length;
  }

  /** Encodes and submits every dispatch, in order. Does not wait. */
  run(): void {
    this.device.check();
    for (let from = 0; from < this.steps.length; from += DISPATCHES_PER_SUBMIT) {
      const encoder = this.device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      const to = Math.min(from + DISPATCHES_PER_SUBMIT, this.steps.length);
      let current: GPUComputePipeline | undefined;
      for (let i = from; i < to; i++) {
        const step = this.steps[i];
        if (!step) continue;
        if (step.pipeline !== current) pass.setPipeline((current = step.pipeline));
        pass.setBindGroup(0, step.bindGroup);
        pass.dispatchWorkgroups(step.grid[0], step.grid[1], step.grid[2]);
      }
      pass.end();
      this.device.gpu.queue.submit([encoder.finish()]);
    }
  }

  destroy(): void {
    for (const buffer of this.buffers) this.device.destroyBuffer(buffer);
  }
}

export async function compileProgram(
  device: Device,
  dispatches: readonly Dispatch[],
  kept: ReadonlySet<Storage>,
  options: CompileOptions,
): Promise<Program> {
  const { storages, plan } = planProgram(dispatches, kept);
  const budget = options.memoryBudgetBytes ?? Infinity;
  if (plan.peakBytes > budget) {
    throw new UserError(
      `${options.label ?? 'program'}: the memory plan needs ${mebibytes(plan.peakBytes)}, the budget is ${mebibytes(budget)}; raise it or use a smaller batch, patch or tile.`,
    );
  }
  const compiled = await Promise.all(dispatches.map((d) => device.pipelines.get(d.shader, d.overrides)));
  const usage = GPU_STORAGE | GPU_UNIFORM | GPU_COPY_SRC | GPU_COPY_DST;
  const slots = plan.slotBytes.map((bytes, i) => device.createBuffer(`${options.label ?? 'program'} slot ${i}`, bytes, usage));
  for (const [i, storage] of storages.entries()) storage.buffer = slots[plan.slotOf[i] ?? -1];
  for (const { buffer, content } of storages) if (buffer && content) device.gpu.queue.writeBuffer(buffer, 0, content);
  const params = writeParams(device, dispatches);
  const steps = dispatches.map((d, i): Step => {
    const entry = compiled[i];
    if (!entry) throw new Error(`${d.shader.name}: no pipeline.`);
    return {
      pipeline: entry.pipeline,
      bindGroup: bind(device, d, entry.layout, params.buffer, params.offsets[i] ?? 0),
      grid: d.grid,
      dispatch: d,
    };
  });
  await device.idle();
  return new Program(device, steps, plan, [...slots, params.buffer]);
}

/** Slots for every transient storage of these dispatches. */
export function planProgram(dispatches: readonly Dispatch[], kept: ReadonlySet<Storage>): { storages: Storage[]; plan: MemoryPlan } {
  const { storages, lifetimes } = findLifetimes(dispatches, kept);
  return { storages, plan: planMemory(lifetimes) };
}

/** First and last dispatch of every transient storage; kept ones live to the end, those with a content always. */
function findLifetimes(dispatches: readonly Dispatch[], kept: ReadonlySet<Storage>): { storages: Storage[]; lifetimes: Lifetime[] } {
  const spans = new Map<Storage, { first: number; last: number }>();
  for (const [i, d] of dispatches.entries()) {
    for (const { name, access } of d.shader.bindings) {
      const storage = d.buffers[name]?.storage;
      if (!storage) throw new Error(`${d.shader.name}: no buffer for binding ${name}.`);
      if (storage.persistent) continue;
      const span = spans.get(storage);
      if (span) span.last = Math.max(span.last, i);
      else if (storage.content) spans.set(storage, { first: 0, last: dispatches.length });
      else if (access !== 'readWrite')
        throw new Error(`${d.shader.name}: ${name} (${storage.label || 'unnamed'}) is read before anything wrote it.`);
      else spans.set(storage, { first: i, last: i });
    }
  }
  const storages = [...spans.keys()];
  const lifetimes = storages.map((s) => {
    const { first, last } = spans.get(s) ?? { first: 0, last: 0 };
    return { sizeBytes: s.sizeBytes, first, last: kept.has(s) ? dispatches.length : last };
  });
  return { storages, lifetimes };
}

/** One uniform buffer with the params of every dispatch, at offsets that can be bound; equal params share a place. */
function writeParams(device: Device, dispatches: readonly Dispatch[]): { buffer: GPUBuffer; offsets: number[] } {
  const align = device.gpu.limits.minUniformBufferOffsetAlignment;
  const places = new Map<string, { offset: number; bytes: Uint8Array }>();
  let end = 0;
  const offsets = dispatches.map((d) => {
    const bytes = new Uint8Array(d.shader.params?.sizeBytes ?? 16);
    packParams(d.shader, d.params, new DataView(bytes.buffer));
    const key = bytes.join();
    const known = places.get(key);
    if (known) return known.offset;
    const offset = end;
    places.set(key, { offset, bytes });
    end += Math.ceil(bytes.length / align) * align;
    return offset;
  });
  const all = new Uint8Array(Math.max(end, align));
  for (const { offset, bytes } of places.values()) all.set(bytes, offset);
  const buffer = device.createBuffer('params', all.length, GPU_UNIFORM | GPU_COPY_DST);
  device.gpu.queue.writeBuffer(buffer, 0, all);
  return { buffer, offsets };
}

function bind(device: Device, d: Dispatch, layout: GPUBindGroupLayout, params: GPUBuffer, paramsOffset: number): GPUBindGroup {
  const entries: GPUBindGroupEntry[] = d.shader.bindings.map(({ name, binding }) => {
    const ref = d.buffers[name];
    if (!ref?.storage.buffer) throw new Error(`${d.shader.name}: ${name} has no memory.`);
    return { binding, resource: { buffer: ref.storage.buffer, offset: ref.offsetBytes, size: ref.sizeBytes } };
  });
  if (d.shader.params)
    entries.push({ binding: d.shader.params.binding, resource: { buffer: params, offset: paramsOffset, size: d.shader.params.sizeBytes } });
  return device.gpu.createBindGroup({ label: d.shader.name, layout, entries });
}
