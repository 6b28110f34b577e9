import { existsSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { UserError } from '../../errors.js';
import { readWholeFile } from '../../files.node.js';
import { listImages } from '../list-images.node.js';
import { parseAnnotationCsv, parseAnnotationJson, shapeOf, type AnnotationEntry } from './annotation-file.js';
import type { AnnotatedImage, AnnotatedSet } from './annotated-set.js';

const FILES = { 'annotations.json': parseAnnotationJson, 'annotations.csv': parseAnnotationCsv } as const;

const NOTES = ['Marks are as annotated; an image without a label has microcalcifications when it has marks or cluster areas.'];

/**
 * Any folder of images with annotations.json or annotations.csv in it.
 * @throws UserError where both or neither is there, or where they are not as documented
 */
export async function openAnnotatedFolder(folder: string): Promise<AnnotatedSet> {
  const present = (Object.keys(FILES) as (keyof typeof FILES)[]).filter((name) => existsSync(join(folder, name)));
  const [name, second] = present;
  if (name === undefined)
    throw new UserError(`${folder}: neither annotations.json nor annotations.csv is here. docs/evaluation.md shows the form.`);
  if (second !== undefined) throw new UserError(`${folder}: both ${name} and ${second} are here, expected one of them. Remove the other.`);
  const path = join(folder, name);
  const text = new TextDecoder().decode(await readWholeFile(path));
  try {
    return await openEntries(folder, FILES[name](text));
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`) : error;
  }
}

async function openEntries(folder: string, entries: readonly AnnotationEntry[]): Promise<AnnotatedSet> {
  checkNames(entries);
  const isHere = (entry: AnnotationEntry): boolean => existsSync(join(folder, entry.file));
  const absent = entries.filter((entry) => !isHere(entry)).map((entry) => entry.file);
  const images = entries.filter(isHere).map((entry) => imageOf(folder, entry));
  if (images.length === 0)
    throw new UserError(`none of its ${entries.length} files is in ${folder}, e.g. ${absent[0]}. Paths are relative to the folder.`);
  const named = new Set(entries.map((entry) => entry.file));
  const all = (await listImages([folder])).map((path) => relative(folder, path).split(sep).join('/'));
  const extra = all.filter((file) => !named.has(file));
  const problems = [
    ...(absent.length > 0
      ? [`${absent.length} annotated files are missing and left out: ${absent.slice(0, 5).join(', ')}${absent.length > 5 ? ', ...' : ''}.`]
      : []),
    ...(extra.length > 0
      ? [`${extra.length} images have no entry and are left out: ${extra.slice(0, 5).join(', ')}${extra.length > 5 ? ', ...' : ''}.`]
      : []),
  ];
  return { name: 'folder', images: images.sort((a, b) => (a.id < b.id ? -1 : 1)), problems, notes: NOTES };
}

function checkNames(entries: readonly AnnotationEntry[]): void {
  const files = entries.map((entry) => entry.file);
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  if (twice !== undefined) throw new UserError(`${twice} has two entries, expected one per image. Put its marks together.`);
  const outside = files.find((file) => isAbsolute(file) || file.split(/[\\/]/).includes('..'));
  if (outside !== undefined) throw new UserError(`'${outside}' leads out of the folder, expected a path within it. Move the image there.`);
}

function imageOf(folder: string, entry: AnnotationEntry): AnnotatedImage {
  const ofRole = (role: string): ReturnType<typeof shapeOf>[] => (entry.marks ?? []).filter((mark) => mark.role === role).map(shapeOf);
  const [marks, clusters] = [entry.marks ? ofRole('mc') : null, ofRole('cluster')];
  const marked = (marks?.length ?? 0) + clusters.length > 0;
  if (entry.mcs && marks && !marked)
    throw new UserError(`${entry.file}: mcs is true, but marks is empty. Leave marks out if nobody marked them one by one.`);
  if ((marks?.length ?? 0) > 0 && entry.mcs === false) throw new UserError(`${entry.file}: marks, but mcs is false. Correct one of them.`);
  return {
    id: entry.file,
    path: join(folder, entry.file),
    patient: entry.patient,
    split: entry.split,
    pixelSpacingMm: entry.pixelSpacingMm,
    hasMcs: entry.mcs ?? (entry.marks ? marked : null),
    isMalignant: entry.malignant,
    marks,
    unmarked: clusters,
    groups: entry.groups,
  };
}
