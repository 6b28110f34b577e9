import { UserError } from '../errors.js';
import type { Environment, Row } from './row.js';

/** What two runs must share for a ratio of their times to say something about the engine. */
const SHARED = ['adapter', 'driver', 'backend'] as const;

/** Times of an earlier run, by workload and operation. */
export interface OldRun {
  readonly date: string;
  readonly commit: string | null;
  readonly medianMs: ReadonlyMap<string, number>;
}

export const rowKey = ({ workload, op }: { workload: string; op: string }): string => `${workload} ${op}`;

/**
 * Rows of an earlier run (lines of JSON).
 * @throws UserError where the file holds no rows, or rows of another adapter or driver
 */
export function readOldRun(text: string, file: string, here: Environment): OldRun {
  const rows = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => parseRow(line, `${file}, line ${i + 1}`))
    .filter((row) => row !== null);
  const [first] = rows;
  if (!first) throw new UserError(`${file}: no rows of a benchmark. Give a file that \`mcgpu bench --json\` wrote.`);
  for (const field of SHARED) {
    const other = rows.find((row) => row[field] !== here[field]);
    if (!other) continue;
    throw new UserError(
      `${file} was measured on another ${field}: "${String(other[field])}", here it is "${here[field]}". A ratio of the two would compare the machines, ` +
        `not the engine: run the old commit here, or choose the adapter with --adapter.`,
    );
  }
  return {
    date: String(first.date),
    commit: typeof first.commit === 'string' ? first.commit : null,
    medianMs: new Map(rows.map((row) => [rowKey(row), row.medianMs])),
  };
}

type OldRow = Pick<Row, 'workload' | 'op' | 'medianMs'> & Partial<Row>;

/** Null for lines of other figures (memory, data). */
function parseRow(line: string, where: string): OldRow | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError(`${where}: not JSON. Give a file that \`mcgpu bench --json\` wrote: one row per line.`);
  }
  const row = (typeof value === 'object' ? value : null) as Partial<Row> | null;
  if (typeof row?.workload !== 'string' || typeof row.op !== 'string' || typeof row.medianMs !== 'number') return null;
  return row as OldRow;
}
