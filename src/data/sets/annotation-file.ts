// Annotations of one's own images: annotations.json (mcgpu.annotations/1) or the same as a table, annotations.csv. docs/evaluation.md
import { z } from 'zod';
import { UserError } from '../../errors.js';
import type { Run, Shape } from '../shapes.js';
import { parseCsv, type CsvRow } from './csv.js';

export const ANNOTATION_SCHEMA = 'mcgpu.annotations/1';

const coordinate = z.number();
const point = z.tuple([coordinate, coordinate]);
/** `mc`: one microcalcification; `cluster`: an area whose microcalcifications are not marked one by one; `other`: not used. */
const role = z.enum(['mc', 'cluster', 'other']).default('mc');
const index = z.int().nonnegative();
/** Part of the X-rays taken away, of microcalcifications that were drawn. */
const contrast = z.number().min(0).max(1).optional();
const mark = z.union([
  z.strictObject({ role, contrast, point }),
  z.strictObject({ role, contrast, circle: z.tuple([coordinate, coordinate, z.number().positive()]) }),
  z.strictObject({ role, contrast, box: z.tuple([coordinate, coordinate, coordinate, coordinate]) }),
  z.strictObject({ role, contrast, polygon: z.array(point).min(3) }),
  z.strictObject({ role, contrast, runs: z.array(z.tuple([index, index, index])).min(1) }),
]);
const spacing = z.number().positive().nullable().default(null);
const image = z.strictObject({
  file: z.string().min(1),
  patient: z.string().min(1),
  split: z.string().min(1).nullable().default(null),
  pixelSpacingMm: spacing,
  mcs: z.boolean().nullable().default(null),
  malignant: z.boolean().nullable().default(null),
  /** Left out: nobody marked single microcalcifications. */
  marks: z.array(mark).nullable().default(null),
  groups: z.record(z.string(), z.string()).default({}),
});
const fileSchema = z.strictObject({ schema: z.literal(ANNOTATION_SCHEMA), pixelSpacingMm: spacing, images: z.array(image).min(1) });

export type AnnotationEntry = z.infer<typeof image>;
export type AnnotatedMark = z.input<typeof mark>;
type Mark = z.infer<typeof mark>;

/** @throws UserError naming the entry that is not as documented */
export function parseAnnotationJson(text: string): AnnotationEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`it is no JSON (${error instanceof Error ? error.message.split('\n')[0] : ''}). Correct it.`);
  }
  const { data, error } = fileSchema.safeParse(value);
  if (!data) {
    const [issue] = error.issues;
    const place = issue?.path.map(String).join('.') ?? '';
    throw new UserError(`${place === '' ? 'the file' : place}: ${issue?.message}. See docs/evaluation.md for the form.`);
  }
  return data.images.map((entry) => ({ ...entry, pixelSpacingMm: entry.pixelSpacingMm ?? data.pixelSpacingMm }));
}

const KNOWN_COLUMNS = ['file', 'patient', 'split', 'pixelSpacingMm', 'mcs', 'malignant', 'role', 'contrast', 'shape', 'coordinates'];

/** One row per mark, an image without marks has one row without a shape; other columns are sub-groups. @throws UserError */
export function parseAnnotationCsv(text: string): AnnotationEntry[] {
  const rows = parseCsv(text);
  for (const column of ['file', 'patient', 'shape', 'coordinates'])
    if (rows[0]?.[column] === undefined) throw new UserError(`no column '${column}', expected file, patient, shape, coordinates. Add it.`);
  const entries = new Map<string, AnnotationEntry>();
  for (const [i, row] of rows.entries()) {
    const own = entryOf(row, i + 1);
    const before = entries.get(own.file);
    if (!before) entries.set(own.file, own);
    else entries.set(own.file, merge(before, own, i + 1));
  }
  return [...entries.values()];
}

/** Marks of two rows of one image; all else must be the same in both. */
function merge(before: AnnotationEntry, own: AnnotationEntry, record: number): AnnotationEntry {
  const rest = ({ marks: _marks, ...others }: AnnotationEntry): string => JSON.stringify(others);
  if (rest(before) !== rest(own))
    throw new UserError(
      `record ${record} says of ${own.file} other than an earlier one (patient, split, labels or groups). Write the same in all its rows.`,
    );
  return { ...before, marks: [...(before.marks ?? []), ...(own.marks ?? [])] };
}

function entryOf(row: CsvRow, record: number): AnnotationEntry {
  const mcs = yesOrNo(row.mcs, record);
  // Microcalcifications that no row marks: nobody marked them one by one.
  const unmarked = mcs === true ? null : [];
  const value = {
    file: row.file,
    patient: row.patient,
    split: row.split === '' ? null : (row.split ?? null),
    pixelSpacingMm: row.pixelSpacingMm ? Number(row.pixelSpacingMm) : null,
    mcs,
    malignant: yesOrNo(row.malignant, record),
    marks: row.shape ? [markOf(row, record)] : unmarked,
    groups: Object.fromEntries(Object.entries(row).filter(([name, text]) => !KNOWN_COLUMNS.includes(name) && text !== '')),
  };
  const { data, error } = image.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  throw new UserError(`record ${record}, ${issue?.path.map(String).join('.')}: ${issue?.message}. See docs/evaluation.md for the form.`);
}

function yesOrNo(text: string | undefined, record: number): boolean | null {
  if (!text) return null;
  if (/^(yes|true|1)$/i.test(text)) return true;
  if (/^(no|false|0)$/i.test(text)) return false;
  throw new UserError(`record ${record}: '${text}', expected yes, no or nothing. Correct it.`);
}

/** Shapes of any number of points or runs, and how many numbers make one. */
const LISTS: Readonly<Record<string, number>> = { polygon: 2, runs: 3 };

function markOf({ shape = '', coordinates = '', role = '', contrast: part = '' }: CsvRow, record: number): unknown {
  const numbers = coordinates
    .split(/[\s,;]+/)
    .filter((field) => field !== '')
    .map(Number);
  if (numbers.length === 0 || numbers.some((n) => !Number.isFinite(n)))
    throw new UserError(`record ${record}: coordinates '${coordinates}', expected numbers separated by spaces. Correct them.`);
  const size = LISTS[shape];
  if (size !== undefined && numbers.length % size !== 0)
    throw new UserError(`record ${record}: ${shape} of ${numbers.length} numbers, expected a multiple of ${size}. Correct them.`);
  const list =
    size === undefined ? numbers : Array.from({ length: numbers.length / size }, (_, i) => numbers.slice(size * i, size * (i + 1)));
  return { ...(role === '' ? {} : { role }), ...(part === '' ? {} : { contrast: Number(part) }), [shape]: list };
}

export function shapeOf(entry: Mark): Shape {
  const known = entry.contrast === undefined ? {} : { contrast: entry.contrast };
  if ('point' in entry) return { ...known, kind: 'point', at: entry.point };
  if ('circle' in entry) return { ...known, kind: 'circle', at: [entry.circle[0], entry.circle[1]], radius: entry.circle[2] };
  if ('polygon' in entry) return { ...known, kind: 'polygon', points: entry.polygon };
  if ('runs' in entry) return { ...known, kind: 'runs', runs: checkRuns(entry.runs), mask: null, scale: [1, 1] };
  const [x0, y0, x1, y1] = entry.box;
  if (x1 <= x0 || y1 <= y0) throw new UserError(`a box [${entry.box.join(', ')}] has no area, expected x0 < x1 and y0 < y1. Correct it.`);
  return { ...known, kind: 'box', edges: entry.box };
}

function checkRuns(runs: readonly Run[]): readonly Run[] {
  const wrong = runs.find(([, x0, x1]) => x1 < x0);
  if (wrong) throw new UserError(`a run [${wrong.join(', ')}] ends before it begins, expected row, first and last column. Correct it.`);
  return runs;
}
