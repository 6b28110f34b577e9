import { heading, mib, short } from './table.js';
import type { Environment } from './row.js';

/** One operation on one engine. */
export interface PeerRow {
  readonly workload: string;
  readonly op: string;
  readonly engine: string;
  readonly version: string | null;
  /** Null where the engine does not use one or does not say. */
  readonly adapter: string | null;
  readonly medianMs: number | null;
  readonly minMs: number | null;
  readonly p90Ms: number | null;
  readonly reps: number;
  readonly firstMs: number | null;
  readonly gpuBytesPeak: number | null;
  /** Largest difference of the results, relative to the largest value; null where there is nothing to compare. */
  readonly fromMcgpu: number | null;
  readonly fromPytorch: number | null;
  /** In the engine's own words. */
  readonly error: string | null;
}

const HEADER = [
  'operation',
  'engine',
  'median ms',
  'min ms',
  'p90 ms',
  'over mcgpu',
  'first ms',
  'GPU MiB',
  'off mcgpu',
  'off PyTorch',
] as const;

/** A Markdown table; an engine's error takes the place of its times. */
export function peerMarkdown(rows: readonly PeerRow[], where: Environment, reps: number): string {
  const own = new Map(rows.filter(({ engine }) => engine === 'mcgpu').map((row) => [`${row.workload} ${row.op}`, row.medianMs]));
  const lines = rows.map((row) => `| ${cells(row, own.get(`${row.workload} ${row.op}`) ?? null).join(' | ')} |`);
  return [
    '# Engines side by side',
    '',
    ...heading(where).split('\n'),
    '',
    `One repetition of each engine in turn, ${reps} times. "over mcgpu": median of the engine over that of mcgpu, above 1 is slower. "off": largest`,
    'difference of the results, relative to the largest value. "first": from opening the device to the end of the first run, shader compilation included.',
    '',
    `| ${HEADER.join(' | ')} |`,
    `| --- | --- |${' --: |'.repeat(HEADER.length - 2)}`,
    ...lines,
    '',
  ].join('\n');
}

function cells(row: PeerRow, own: number | null): string[] {
  const number = (value: number | null, format: (v: number) => string = short): string => (value === null ? '' : format(value));
  const engine = `${row.engine} ${row.version ?? ''}`.trim();
  if (row.error !== null) return [`${row.workload} ${row.op}`, engine, `error: ${oneLine(row.error)}`, ...HEADER.slice(3).map(() => '')];
  const over = own !== null && row.medianMs !== null ? row.medianMs / own : null;
  return [
    `${row.workload} ${row.op}`,
    engine,
    number(row.medianMs),
    number(row.minMs),
    number(row.p90Ms),
    row.engine === 'mcgpu' ? '' : number(over),
    number(row.firstMs),
    number(row.gpuBytesPeak, mib),
    number(row.fromMcgpu, (v) => v.toExponential(1)),
    number(row.fromPytorch, (v) => v.toExponential(1)),
  ];
}

const MOST_CHARACTERS = 160;

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '/');
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}...` : line;
}
