import type { Row } from './row.js';
import { textTable } from './table.js';
import { NETWORK_S, type NetworkWorkload } from './workloads.js';

/** Does a pixel cost the same in a small image and in a large one, a sample the same alone and in a batch? Two series of S. */
export const SCALING_WORKLOADS: readonly NetworkWorkload[] = [
  ...[128, 256, 512, 1024].map((side) => scaled('infer', 1, side)),
  ...[1, 2, 4, 8, 16].map((batch) => scaled('train', batch, 128)),
];

function scaled(kind: 'infer' | 'train', batch: number, side: number): NetworkWorkload {
  const size = `${batch}x1x${side}x${side}`;
  return { name: `S ${size}`, summary: `${kind} S at ${size}`, kind, network: NETWORK_S, batch, side };
}

/** The fastest repetition counts; on a software adapter also the processor's time, which other programs on the machine disturb less. */
const MEASURES = [
  { title: 'ns', ms: (row: Row): number | null => row.minMs },
  { title: 'CPU ns', ms: (row: Row): number | null => (row.isFallbackAdapter ? row.cpuMsPerStep : null) },
];

/** Time per pixel of every size, and over that of the cheapest of its series. */
export function scalingTable(rows: readonly Row[]): string {
  const pixels = (row: Row): number => {
    const { batch, side } = SCALING_WORKLOADS.find((w) => w.name === row.workload && row.op.startsWith(w.kind)) ?? { batch: 0, side: 0 };
    return batch * side ** 2;
  };
  const columns = MEASURES.flatMap(({ title, ms }) => {
    const cost = (row: Row): number => (1e6 * (ms(row) ?? NaN)) / pixels(row);
    const least = (op: string): number => Math.min(...rows.filter((r) => r.op === op).map(cost));
    const cell = (value: number, text: string): string => (Number.isFinite(value) ? text : '');
    return [
      { title, cell: (row: Row): string => cell(cost(row), cost(row).toFixed(0)) },
      { title: 'over the least', cell: (row: Row): string => cell(cost(row), `+${((cost(row) / least(row.op) - 1) * 100).toFixed(0)} %`) },
    ];
  });
  return textTable(rows, [{ title: 'cost of a pixel', cell: ({ workload, op }: Row) => `${workload} ${op}` }, ...columns]);
}
