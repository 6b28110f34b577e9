import { rowKey, type OldRun } from './compare.js';
import type { Environment, Row } from './row.js';
import type { Timeline } from './timeline.js';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
}

/** Columns to the width of their longest cell; the first to the left, the others to the right. Columns without any content are left out. */
export function textTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const filled = columns
    .map(({ title, cell }) => ({ title, cells: rows.map(cell) }))
    .filter(({ cells }, i) => i === 0 || cells.some((c) => c !== ''));
  const widths = filled.map(({ title, cells }) => Math.max(title.length, ...cells.map((c) => c.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((c, i) => (i === 0 ? c.padEnd(widths[i] ?? 0) : c.padStart(widths[i] ?? 0))).join('  ');
  return [line(filled.map(({ title }) => title)), ...rows.map((_, r) => line(filled.map(({ cells }) => cells[r] ?? '')))].join('\n');
}

/** Three significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export const mib = (bytes: number): string => short(bytes / 2 ** 20);
const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
const optional = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? '' : format(value);

/** @param old adds a column with the times of an earlier run over these: above 1 is faster now */
export function rowTable(rows: readonly Row[], old?: OldRun): string {
  const ratio = (row: Row): number | undefined => {
    const before = old?.medianMs.get(rowKey(row));
    return before === undefined ? undefined : before / row.medianMs;
  };
  return textTable(rows, [
    { title: 'operation', cell: ({ workload, op }) => (workload === 'kernels' ? op : `${workload} ${op}`) },
    { title: 'median ms', cell: (r) => short(r.medianMs) },
    { title: 'min', cell: (r) => short(r.minMs) },
    { title: 'p90', cell: (r) => short(r.p90Ms) },
    { title: 'reps', cell: (r) => String(r.reps) },
    { title: 'GPU ms', cell: (r) => optional(r.gpu?.medianMs, short) },
    { title: 'CPU ms', cell: (r) => (r.isFallbackAdapter ? optional(r.cpuMsPerStep, short) : '') },
    { title: 'JS ms', cell: (r) => optional(r.jsMsPerStep, short) },
    { title: 'dispatches', cell: (r) => optional(r.dispatches, String) },
    { title: 'first ms', cell: (r) => (r.workload === 'kernels' ? '' : short(r.firstMs)) },
    { title: 'MiB', cell: (r) => mib(r.gpuBytesPeak) },
    { title: 'GFLOP/s', cell: (r) => optional(r.rates?.gflops, short) },
    { title: 'of FMA', cell: (r) => optional(r.rates?.shareOfPeak, percent) },
    { title: 'GB/s', cell: (r) => optional(r.rates?.gbps, short) },
    { title: 'of copy', cell: (r) => optional(r.rates?.shareOfCopy, percent) },
    { title: 'of roof', cell: (r) => optional(r.rates?.shareOfRoof, percent) },
    { title: 'old/new', cell: (r) => optional(ratio(r), (v) => v.toFixed(2)) },
  ]);
}

export function timelineTable(timeline: Timeline): string {
  return textTable(timeline, [
    { title: 'kernel', cell: ({ kernel }) => kernel },
    { title: 'count', cell: ({ count }) => String(count) },
    { title: 'ms', cell: ({ ms }) => short(ms) },
    { title: 'share', cell: ({ share }) => `${(100 * share).toFixed(1)} %` },
  ]);
}

/** The line above every table. */
export function heading({ adapter, driver, backend, isFallbackAdapter, precision, version, commit, date }: Environment): string {
  const kind = isFallbackAdapter ? ' (software: isFallbackAdapter)' : '';
  return `mcgpu ${version} ${commit?.slice(0, 10) ?? ''}${commit?.endsWith('+') ? '+' : ''}, ${date}\n${adapter}, ${backend}${kind}; driver ${driver}; maps in ${precision}`;
}
