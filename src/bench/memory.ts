import type { Environment } from './row.js';
import type { BuildContext } from './runnable.js';
import type { Entry } from './suite.js';
import { mib, textTable } from './table.js';

/** What a workload takes on the GPU, bytes. Nothing is run. */
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
}

/** Builds every entry alone on the device and says what it took; entries that are no single program have no plan and are left out. */
export async function measureMemory(
  entries: readonly Entry[],
  context: Omit<BuildContext, 'inputs'>,
  environment: Environment,
): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  const { device } = context;
  for (const { workload, operation, inputs } of entries) {
    const before = device.allocatedBytes;
    const runnable = await operation.build({ ...context, inputs: inputs() });
    const allocatedBytes = device.allocatedBytes - before;
    const { plan } = runnable;
    runnable.destroy();
    if (!plan) continue;
    const { peakBytes: plannedPeakBytes, naiveBytes } = plan;
    const liveBytes = allocatedBytes - plannedPeakBytes + plan.liveBytes;
    rows.push({ workload, op: operation.name, liveBytes, allocatedBytes, plannedPeakBytes, naiveBytes, ...environment });
  }
  return rows;
}

export function memoryTable(rows: readonly MemoryRow[]): string {
  return textTable(rows, [
    { title: 'MiB on the GPU', cell: ({ workload, op }) => `${workload} ${op}` },
    { title: 'live', cell: (r) => mib(r.liveBytes) },
    { title: 'allocated', cell: (r) => mib(r.allocatedBytes) },
    { title: 'planned peak', cell: (r) => mib(r.plannedPeakBytes) },
    { title: 'naive sum', cell: (r) => mib(r.naiveBytes) },
    { title: 'naive / planned', cell: (r) => (r.naiveBytes / r.plannedPeakBytes).toFixed(1) },
  ]);
}
