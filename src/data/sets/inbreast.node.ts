import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { readWholeFile } from '../../files.node.js';
import { centreOf, contains, type Shape } from '../shapes.js';
import type { AnnotatedImage, AnnotatedSet } from './annotated-set.js';
import { parseCsv, type CsvRow } from './csv.js';
import { parseInbreastRois, type Roi } from './inbreast-rois.js';

/** Detector of the only mammograph (Siemens Inspiration), for files whose header lost it, mm. */
const SPACING_MM = 0.07;
/** `<id>_<hash of the patient>_MG_<L|R>_<view>_ANON.dcm` */
const FILE_NAME = /^(\d+)_([^_]+)_MG_([LR])_([A-Z]+)_/i;

const NOTES = [
  'INbreast: malignant means BI-RADS 4 to 6 of the image, not a biopsy.',
  'INbreast: calcifications are the regions Calcification(s), Unnamed, Point 1 and Point 3; about 60 % are single points, which have no pixels.',
  'INbreast: a Cluster outline without a marked calcification inside counts neither for nor against what is found there.',
];

/**
 * The INbreast release as it was published: AllDICOMs, AllXML, INbreast.csv (or a folder that holds one such folder).
 * Patients are the hashes in the file names: the table has them removed.
 *
 * @throws UserError where a part of the release is missing
 */
export async function openInbreast(folder: string): Promise<AnnotatedSet> {
  const root = await findRoot(folder);
  const rows = await readTable(join(root, 'INbreast.csv'));
  const xmls = new Set(
    (await readdir(join(root, 'AllXML'))).filter((name) => /\.xml$/i.test(name)).map((name) => name.replace(/\.xml$/i, '')),
  );
  const names = (await readdir(join(root, 'AllDICOMs'))).filter((name) => /\.dcm$/i.test(name)).sort();
  if (names.length === 0) throw new UserError(`${join(root, 'AllDICOMs')}: no .dcm file, expected 410. Unpack the release again.`);
  const context: Context = { folder, root, rows, xmls, problems: [], unknownNames: new Set() };
  const images: AnnotatedImage[] = [];
  for (const name of names) {
    const image = await imageOf(name, context);
    if (image) images.push(image);
  }
  return { name: 'inbreast', images, problems: [...context.problems, ...leftovers(context, names)], notes: NOTES };
}

interface Context {
  readonly folder: string;
  readonly root: string;
  readonly rows: ReadonlyMap<string, CsvRow>;
  readonly xmls: ReadonlySet<string>;
  readonly problems: string[];
  readonly unknownNames: Set<string>;
}

async function findRoot(folder: string): Promise<string> {
  const inside = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new UserError(`${folder}: no such folder. Give the unpacked INbreast release with --data.`);
  });
  const candidates = [folder, ...inside.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))];
  const root = candidates.find((path) => existsSync(join(path, 'AllDICOMs')));
  if (root === undefined)
    throw new UserError(`${folder}: no folder AllDICOMs, expected the INbreast release. Give the folder that holds AllDICOMs.`);
  for (const part of ['AllXML', 'INbreast.csv'])
    if (!existsSync(join(root, part))) throw new UserError(`${root}: no ${part} beside AllDICOMs. Unpack the whole release.`);
  return root;
}

async function readTable(path: string): Promise<Map<string, CsvRow>> {
  const rows = parseCsv(new TextDecoder().decode(await readWholeFile(path)));
  const missing = ['File Name', 'ACR', 'Bi-Rads'].find((column) => rows[0]?.[column] === undefined);
  if (missing !== undefined)
    throw new UserError(
      `${path}: no column '${missing}', expected File Name, ACR and Bi-Rads separated by ';'. Take the file from the release again.`,
    );
  return new Map(rows.map((row) => [row['File Name'] ?? '', row]));
}

async function imageOf(name: string, context: Context): Promise<AnnotatedImage | null> {
  const [, id = '', patient = '', side = '', view = ''] = FILE_NAME.exec(name) ?? [];
  if (id === '') {
    context.problems.push(`AllDICOMs: a file is not named <id>_<hash>_MG_<L|R>_<view>_ANON.dcm; it is left out.`);
    return null;
  }
  const row = context.rows.get(id);
  if (!row) context.problems.push(`${id}: not in INbreast.csv; BI-RADS and density are unknown.`);
  const rois = await roisOf(id, row?.['Bi-Rads'] ?? '', context);
  if (!rois) return null;
  const { marks, unmarked } = objectsOf(rois);
  const hasMcs = marks.length > 0 || rois.some((roi) => roi.kind === 'cluster');
  const biRads = Number(/^\d/.exec(row?.['Bi-Rads'] ?? '')?.[0] ?? NaN);
  const density = row?.ACR ?? '';
  return {
    id: relativeId(context, name),
    path: join(context.root, 'AllDICOMs', name),
    patient,
    split: null,
    pixelSpacingMm: SPACING_MM,
    hasMcs,
    isMalignant: Number.isNaN(biRads) ? null : biRads >= 4,
    marks,
    unmarked,
    groups: { side: side.toUpperCase(), view: view.toUpperCase(), ...(density === '' ? {} : { density }) },
  };
}

const relativeId = ({ folder, root }: Context, name: string): string =>
  `${root === folder ? '' : `${root.slice(folder.length + 1)}/`}AllDICOMs/${name}`;

/** Regions of an image; none where there is no file, as for the 67 normal images; null where the file cannot be read. */
async function roisOf(id: string, biRads: string, { root, xmls, problems, unknownNames }: Context): Promise<Roi[] | null> {
  if (!xmls.has(id)) {
    if (/^[2-6]/.test(biRads)) problems.push(`${id}: BI-RADS ${biRads} but no AllXML/${id}.xml; taken as an image without marks.`);
    return [];
  }
  try {
    const rois = parseInbreastRois(new TextDecoder().decode(await readWholeFile(join(root, 'AllXML', `${id}.xml`))));
    for (const { kind, name } of rois) if (kind === 'unknown') unknownNames.add(name);
    return rois;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(`AllXML/${id}.xml: ${error.message} The image is left out.`);
    return null;
  }
}

function objectsOf(rois: readonly Roi[]): { marks: Shape[]; unmarked: Shape[] } {
  const shapes = (kind: Roi['kind']): Shape[] => rois.filter((roi) => roi.kind === kind).map((roi) => roi.shape);
  const marks = shapes('calcification');
  const holdsMark = (cluster: Shape): boolean => marks.some((mark) => contains(cluster, ...centreOf(mark)));
  return { marks, unmarked: shapes('cluster').filter((cluster) => !holdsMark(cluster)) };
}

function leftovers({ xmls, rows, unknownNames }: Context, names: readonly string[]): string[] {
  const ids = new Set(names.map((name) => FILE_NAME.exec(name)?.[1] ?? ''));
  const list = (what: string, items: string[]): string[] => (items.length === 0 ? [] : [`${what}: ${items.sort().join(', ')}.`]);
  return [
    ...list('Regions of unknown names, not used', [...unknownNames]),
    ...list(
      'AllXML without an image',
      [...xmls].filter((id) => !ids.has(id)),
    ),
    ...list(
      'In INbreast.csv but not in AllDICOMs',
      [...rows.keys()].filter((id) => id !== '' && !ids.has(id)),
    ),
  ];
}
