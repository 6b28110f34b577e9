import type { Device } from '../runtime/device.js';
import type { Environment } from './row.js';
import type { BuildContext } from './runnable.js';
import type { Entry } from './suite.js';
import { mib, textTable } from './table.js';

/** What a workload takes on the GPU, bytes. */
export interface MemoryRow extends Environment {
  readonly workload: string;
  readonly op: string;
  /** Most that is in use at one time: inputs, weights, and the transient tensors alive then. No plan can need less. */
  readonly liveBytes: number;
  /** All buffers that the workload has. */
  readonly allocatedBytes: number;
  /** Transient tensors in the slots of the plan. */
  readonly plannedPeakBytes: number;
  /** Transient tensors with a buffer each. */
  readonly naiveBytes: number;
  /** By how much a step makes the buffers in the process larger, and what the driver keeps beside them, where the system tells. */
  readonly residentBytes: number | null;
  readonly driverBytes: number | null;
}

/** Bytes of this process's memory that the adapter's driver holds in shared memory. */
export interface ResidentBytes {
  /** Where buffers lie. */
  readonly buffers: number;
  /** What the driver keeps beside them: descriptor sets, a page each. */
  readonly driver: number;
}

export interface MemoryContext extends Omit<BuildContext, 'inputs' | 'device'> {
  /** A device for one workload: what a driver keeps for later goes back only with its device. */
  readonly open: () => Promise<Device>;
  readonly residentBytes: (device: Device) => ResidentBytes | null;
}

/**
 * Builds every entry on a device of its own and says what it took; where the process can tell, a step is run, because pages count from their first use.
 * Entries that are no single program have no plan and are left out.
 */
export async function measureMemory(entries: readonly Entry[], context: MemoryContext, environment: Environment): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const entry of entries) {
    const device = await context.open();
    try {
      const taken = await takenBy(entry, context, device);
      if (taken) rows.push({ workload: entry.workload, op: entry.operation.name, ...taken, ...environment });
    } finally {
      device.destroy();
    }
  }
  return rows;
}

async function takenBy(
  { operation, inputs }: Entry,
  context: MemoryContext,
  device: Device,
): Promise<Omit<MemoryRow, keyof Environment | 'workload' | 'op'> | null> {
  const before = { allocated: device.allocatedBytes, resident: context.residentBytes(device) };
  const runnable = await operation.build({ ...context, device, inputs: inputs() });
  const allocatedBytes = device.allocatedBytes - before.allocated;
  const { plan } = runnable;
  if (!plan) return null;
  const { peakBytes: plannedPeakBytes, naiveBytes } = plan;
  const liveBytes = allocatedBytes - plannedPeakBytes + plan.liveBytes;
  if (before.resident) {
    runnable.step();
    await runnable.wait();
  }
  const after = before.resident && context.residentBytes(device);
  const grown = (part: keyof ResidentBytes): number | null => before.resident && after && after[part] - before.resident[part];
  return { liveBytes, allocatedBytes, plannedPeakBytes, naiveBytes, residentBytes: grown('buffers'), driverBytes: grown('driver') };
}

export function memoryTable(rows: readonly MemoryRow[]): string {
  return textTable(rows, [
    { title: 'MiB on the GPU', cell: ({ workload, op }) => `${workload} ${op}` },
    { title: 'live', cell: (r) => mib(r.liveBytes) },
    { title: 'allocated', cell: (r) => mib(r.allocatedBytes) },
    { title: 'in the process', cell: ({ residentBytes }) => (residentBytes === null ? '' : mib(residentBytes)) },
    { title: 'driver', cell: ({ driverBytes }) => (driverBytes === null ? '' : mib(driverBytes)) },
    { title: 'planned peak', cell: (r) => mib(r.plannedPeakBytes) },
    { title: 'naive sum', cell: (r) => mib(r.naiveBytes) },
    { title: 'naive / planned', cell: (r) => (r.naiveBytes / r.plannedPeakBytes).toFixed(1) },
  ]);
}
