import { checkSplits, type AnnotatedImage, type AnnotatedSet } from '../data/sets/annotated-set.js';
import { fitShapes } from '../data/shapes.js';
import { UserError } from '../errors.js';
import { hashImages, dataHashOf, readAnnotated } from './read-set.node.js';

/** What a folder of annotated images holds and what is wrong with it. */
export interface SetReport {
  readonly dataset: string;
  readonly images: number;
  readonly patients: number;
  readonly splits: Readonly<Record<string, number>>;
  readonly withMcs: number;
  readonly withoutMcs: number;
  readonly malignant: number;
  readonly notMalignant: number;
  readonly marks: number;
  readonly dataHash: string;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Reads every image of a set, lays its marks on it and counts.
 * @throws UserError for a patient in two splits
 */
export async function checkSet(set: AnnotatedSet, optionMm: number | undefined, onImage: (done: number) => void): Promise<SetReport> {
  checkSplits(set.images);
  const problems = [...set.problems, ...labelProblems(set.images)];
  const hashes = await hashImages(set.images);
  for (const [i, image] of set.images.entries()) {
    problems.push(...(await imageProblems(image, optionMm)));
    onImage(i + 1);
  }
  problems.push(...copies(set.images, hashes));
  const count = (is: (image: AnnotatedImage) => boolean): number => set.images.filter(is).length;
  const splits: Record<string, number> = {};
  for (const { split } of set.images) splits[split ?? 'none'] = (splits[split ?? 'none'] ?? 0) + 1;
  return {
    dataset: set.name,
    images: set.images.length,
    patients: new Set(set.images.map((image) => image.patient)).size,
    splits,
    withMcs: count((image) => image.hasMcs === true),
    withoutMcs: count((image) => image.hasMcs === false),
    malignant: count((image) => image.hasMcs === true && image.isMalignant === true),
    notMalignant: count((image) => image.hasMcs === true && image.isMalignant === false),
    marks: set.images.reduce((sum, image) => sum + (image.marks?.length ?? 0), 0),
    dataHash: dataHashOf(set, hashes),
    problems,
    notes: set.notes,
  };
}

function labelProblems(images: readonly AnnotatedImage[]): string[] {
  const labels = new Set(images.map((image) => image.hasMcs).filter((label) => label !== null));
  const malignant = new Set(
    images
      .filter((image) => image.hasMcs)
      .map((image) => image.isMalignant)
      .filter((label) => label !== null),
  );
  return [
    ...(labels.has(true) ? [] : ['No image has microcalcifications: sensitivities and AUCs will be undefined.']),
    ...(labels.has(true) && !labels.has(false) ? ['Every image has microcalcifications: the AUC of presence will be undefined.'] : []),
    ...(malignant.size === 2 ? [] : ['Images with microcalcifications are of one class only: the AUC of malignancy will be undefined.']),
  ];
}

async function imageProblems(image: AnnotatedImage, optionMm: number | undefined): Promise<string[]> {
  try {
    const { image: pixels, warnings } = await readAnnotated(image, optionMm);
    const { outside } = fitShapes(image.marks ?? [], pixels.width, pixels.height);
    const told = warnings.map((warning) => `${image.id}: ${warning}`);
    return outside === 0
      ? told
      : [...told, `${image.id}: ${outside} marks lie outside its ${pixels.width}x${pixels.height} pixels and will not count.`];
  } catch (error) {
    if (error instanceof UserError) return [`${image.id}: ${error.message} It will be left out.`];
    throw error;
  }
}

function copies(images: readonly AnnotatedImage[], hashes: ReadonlyMap<string, string | null>): string[] {
  const first = new Map<string, string>();
  return images.flatMap(({ id }) => {
    const hash = hashes.get(id);
    if (!hash) return [];
    const twin = first.get(hash);
    first.set(hash, twin ?? id);
    return twin === undefined ? [] : [`${id}: the same file as ${twin}; it counts twice.`];
  });
}
