import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { readWholeFile } from '../../files.node.js';
import { cropSplit } from '../splits.js';
import type { AnnotatedImage, AnnotatedSet } from './annotated-set.js';
import { parseCsv, type CsvRow } from './csv.js';

/** Film scanners of DDSM: 42 to 50 um; the crops' files do not say which. */
const SPACING_MM = 0.045;
const COLUMNS = ['file', 'patient_id', 'view', 'abnormality_type', 'pathology', 'width', 'height'] as const;
const QUINTILES = 5;

const NOTES = [
  'CBIS-DDSM crops: microcalcifications are present in calcification crops and taken as absent in mass crops, which may hold some all the same.',
  'CBIS-DDSM crops: 8-bit JPEG of film, taken as 0.045 mm per pixel; the split is by patient (src/data/splits.ts).',
  'CBIS-DDSM crops: the area of the crop alone tells malignant from benign, so the mean AUC within quintiles of area is given too.',
];

/**
 * Crops of calcifications and masses with `labels.csv` beside them. Choices are made on the split `select`, figures are of `report`.
 * @throws UserError where labels.csv is missing or not as expected
 */
export async function openCbisCrops(folder: string): Promise<AnnotatedSet> {
  const path = join(folder, 'labels.csv');
  const rows = parseLabels(new TextDecoder().decode(await readWholeFile(path)), path);
  const present = rows.filter((row) => existsSync(join(folder, row.file ?? '')));
  if (present.length === 0)
    throw new UserError(`${folder}: none of the ${rows.length} files of labels.csv is here. Give the folder that holds labels.csv.`);
  const absent = rows.length - present.length;
  const problems = absent === 0 ? [] : [`${absent} of ${rows.length} files of labels.csv are missing; they are left out.`];
  const images = present.map((row) => imageOf(folder, row));
  return { name: 'cbis-crops', images: withAreaQuintiles(images, present), problems, notes: NOTES };
}

function parseLabels(text: string, path: string): CsvRow[] {
  const rows = parseCsv(text);
  const missing = COLUMNS.find((column) => rows[0]?.[column] === undefined);
  if (missing !== undefined)
    throw new UserError(`${path}: no column '${missing}', expected ${COLUMNS.join(', ')}. Write labels.csv again.`);
  return [...rows].sort((a, b) => ((a.file ?? '') < (b.file ?? '') ? -1 : 1));
}

function imageOf(folder: string, row: CsvRow): AnnotatedImage {
  const { file = '', patient_id: patient = '', pathology = '' } = row;
  const isCalcification = row.abnormality_type === 'calcification';
  const attributes = {
    view: row.view,
    density: row.breast_density,
    calcificationType: isCalcification ? row.calc_type : undefined,
    distribution: isCalcification ? row.calc_distribution : undefined,
    biopsied: isCalcification ? (pathology === 'BENIGN_WITHOUT_CALLBACK' ? 'no' : 'yes') : undefined,
  };
  return {
    id: file,
    path: join(folder, file),
    patient,
    split: cropSplit(patient),
    pixelSpacingMm: SPACING_MM,
    hasMcs: isCalcification,
    isMalignant: pathology === '' ? null : pathology === 'MALIGNANT',
    marks: null,
    unmarked: [],
    groups: Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => (value ? [[name, value]] : []))),
  };
}

/** Fifths of the calcification crops of each split by area, so that a score cannot gain from size alone. */
function withAreaQuintiles(images: readonly AnnotatedImage[], rows: readonly CsvRow[]): AnnotatedImage[] {
  const area = new Map(rows.map((row) => [row.file ?? '', Number(row.width) * Number(row.height)]));
  const quintile = new Map<string, string>();
  for (const split of ['select', 'report']) {
    const own = images.filter((image) => image.split === split && image.hasMcs);
    const byArea = [...own].sort((a, b) => (area.get(a.id) ?? 0) - (area.get(b.id) ?? 0));
    for (const [rank, { id }] of byArea.entries()) quintile.set(id, String(1 + Math.floor((QUINTILES * rank) / byArea.length)));
  }
  return images.map((image) => {
    const own = quintile.get(image.id);
    return own === undefined ? image : { ...image, groups: { ...image.groups, areaQuintile: own } };
  });
}
