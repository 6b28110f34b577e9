import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import readXlsx, { type Row } from 'read-excel-file/node';
import sharp from 'sharp';
import { UserError } from '../../errors.js';
import { readWholeFile } from '../../files.node.js';
import { MAX_PIXELS } from '../mammogram.js';
import type { Shape } from '../shapes.js';
import type { AnnotatedImage, AnnotatedSet } from './annotated-set.js';
import { redMarks } from './red-marks.js';

const GROUPS = ['Normal_cases', 'Suspicious_cases'] as const;
const VIEWS = ['CC', 'MLO'] as const;
const ROUNDS = ['prior', 'recent'] as const;

const NOTES = [
  'BMCD: malignant is the biopsy where Description.xlsx has one, else BI-RADS 4 or 5; both speak of the recent images. Prior images count as not malignant: they were BI-RADS 1 or 2 then.',
  'BMCD: each red piece of a GT picture is one microcalcification.',
];

/** What Description.xlsx says of a case. */
interface CaseRow {
  readonly biRads: string;
  readonly density: string;
  readonly biopsy: string;
}

/**
 * BMCD (Loizidou et al., Zenodo 5036062): `{Normal,Suspicious}_cases/<n>/{CC,MLO}_{prior,recent}.dcm`, a red-marked `..._GT.jpg` for each, and
 * Description.xlsx. A folder is one breast of one patient.
 *
 * @throws UserError where a part of the release is missing
 */
export async function openBmcd(folder: string): Promise<AnnotatedSet> {
  const problems: string[] = [];
  const present = GROUPS.filter((group) => existsSync(join(folder, group)));
  if (present.length === 0)
    throw new UserError(`${folder}: neither Normal_cases nor Suspicious_cases is here. Give the unpacked BMCD release with --data.`);
  for (const group of GROUPS) if (!present.includes(group)) problems.push(`${group} is missing; only ${present.join()} is used.`);
  const rows = await readDescription(folder, problems);
  const images: AnnotatedImage[] = [];
  for (const group of present) {
    const cases = (await readdir(join(folder, group))).filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
    for (const number of cases)
      images.push(...(await caseImages({ folder, group, number, row: rows.get(`${group}/${number}`), problems })));
  }
  if (images.length === 0) throw new UserError(`${folder}: no image with a GT picture. ${problems[0] ?? ''} Unpack the whole release.`);
  return { name: 'bmcd', images: images.sort((a, b) => (a.id < b.id ? -1 : 1)), problems, notes: NOTES };
}

interface Case {
  readonly folder: string;
  readonly group: (typeof GROUPS)[number];
  readonly number: string;
  readonly row: CaseRow | undefined;
  readonly problems: string[];
}

async function caseImages(one: Case): Promise<AnnotatedImage[]> {
  const place = `${one.group}/${one.number}`;
  if (!one.row) one.problems.push(`${place}: not in Description.xlsx; BI-RADS, density and biopsy are unknown.`);
  const names = await readdir(join(one.folder, place));
  const images: AnnotatedImage[] = [];
  for (const view of VIEWS)
    for (const round of ROUNDS) {
      const find = (name: string): string | undefined => names.find((n) => n.toLowerCase() === name.toLowerCase());
      const [image, truth] = [find(`${view}_${round}.dcm`), find(`${view}_${round}_GT.jpg`)];
      if (image === undefined) one.problems.push(`${place}: no ${view}_${round}.dcm.`);
      else if (truth === undefined)
        one.problems.push(`${place}/${image}: no ${view}_${round}_GT.jpg; its marks are unknown and it is left out.`);
      else images.push(...(await imageOf(one, { image: `${place}/${image}`, truth: `${place}/${truth}`, view, round })));
    }
  return images;
}

async function imageOf(
  { folder, group, number, row, problems }: Case,
  { image, truth, view, round }: { readonly image: string; readonly truth: string; readonly view: string; readonly round: string },
): Promise<AnnotatedImage[]> {
  let marks: Shape[];
  try {
    marks = await marksOf(join(folder, truth));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(`${truth}: ${error.message} ${image} is left out.`);
    return [];
  }
  const groups = {
    view,
    round,
    case: group,
    ...(row?.density ? { density: row.density } : {}),
    ...(row?.biopsy ? { biopsied: 'yes' } : {}),
  };
  return [
    {
      id: image,
      path: join(folder, image),
      patient: `${group}/${number}`,
      split: null,
      pixelSpacingMm: null,
      hasMcs: marks.length > 0,
      isMalignant: round === 'prior' ? false : isMalignant(row),
      marks,
      unmarked: [],
      groups,
    },
  ];
}

function isMalignant(row: CaseRow | undefined): boolean | null {
  if (/malign|cancer|carcinoma|dcis|idc/i.test(row?.biopsy ?? '')) return true;
  if (/benign/i.test(row?.biopsy ?? '')) return false;
  const category = Number(/[0-6]/.exec(row?.biRads ?? '')?.[0] ?? NaN);
  return category >= 1 ? category >= 4 : null;
}

async function marksOf(path: string): Promise<Shape[]> {
  const bytes = await readWholeFile(path);
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(() => {
      throw new UserError('the picture is damaged or cut off; copy it again.');
    });
  return redMarks({ width: info.width, height: info.height, rgb: data });
}

/** Cases by `group/number`; empty, with a problem, where the table cannot be used. */
async function readDescription(folder: string, problems: string[]): Promise<Map<string, CaseRow>> {
  const path = join(folder, 'Description.xlsx');
  if (!existsSync(path)) {
    problems.push('Description.xlsx is missing; BI-RADS, density and biopsies are unknown.');
    return new Map();
  }
  const sheets = await readXlsx(Buffer.from(await readWholeFile(path))).catch(() => {
    throw new UserError(`${path}: this is no readable workbook. Take it from the release again.`);
  });
  const rows = new Map<string, CaseRow>();
  for (const group of GROUPS) {
    const sheet = sheets.find(({ sheet }) => sheet.trim().toLowerCase() === group.toLowerCase());
    const found = sheet ? casesOf(sheet.data) : null;
    if (!found) problems.push(`Description.xlsx: no sheet ${group} with the columns 'Folder #' and 'BI-RADS ...'; its labels are unknown.`);
    for (const [number, row] of found ?? []) rows.set(`${group}/${number}`, row);
  }
  return rows;
}

const text = (cell: Row[number] | undefined): string => (cell === null || cell === undefined ? '' : String(cell).trim());

/** The header is the first row that names the folder; titles stand above it. */
function casesOf(rows: readonly Row[]): Map<string, CaseRow> | null {
  const at = rows.findIndex((row) => row.some((cell) => /^folder/i.test(text(cell))));
  const header = rows[at]?.map(text) ?? [];
  const column = (pattern: RegExp): number => header.findIndex((name) => pattern.test(name));
  const [folder, density] = [column(/^folder/i), column(/density/i)];
  const [biRads, biopsy] = [column(/bi-?rads(?!.*density)/i), column(/biops|histol|patholog/i)];
  if (folder < 0 || biRads < 0) return null;
  const known = (value: string): string => (/^(not available|n\/?a|-)$/i.test(value) ? '' : value);
  const cases = rows.slice(at + 1).filter((row) => /^\d+$/.test(text(row[folder])));
  return new Map(
    cases.map((row) => {
      const cell = (index: number): string => known(text(row[index]));
      return [text(row[folder]), { biRads: cell(biRads), density: cell(density).toUpperCase(), biopsy: cell(biopsy) }];
    }),
  );
}
