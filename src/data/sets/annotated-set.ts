import { UserError } from '../../errors.js';
import type { Shape } from '../shapes.js';

export const DATASET_NAMES = ['inbreast', 'bmcd', 'cbis-crops', 'folder'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

/** One image with what annotators said about it. */
export interface AnnotatedImage {
  /** Path relative to the set's folder, with `/`: its name in every output. */
  readonly id: string;
  readonly path: string;
  /** Who it is of: images of one patient are drawn together in a bootstrap and stay in one split. Never written out. */
  readonly patient: string;
  /** The part of the set that it belongs to, where the set has parts. */
  readonly split: string | null;
  /** Where the file does not state its spacing: what the set is known to have, mm. */
  readonly pixelSpacingMm: number | null;
  /** Whether microcalcifications are there, and whether they are malignant; null where no one said. */
  readonly hasMcs: boolean | null;
  readonly isMalignant: boolean | null;
  /** Each a single microcalcification; null where they were not marked one by one. */
  readonly marks: readonly Shape[] | null;
  /** Areas with unmarked microcalcifications: what is found there is neither right nor wrong. */
  readonly unmarked: readonly Shape[];
  /** Sub-groups by attribute, e.g. `density` -> `3`. */
  readonly groups: Readonly<Record<string, string>>;
}

export interface AnnotatedSet {
  readonly name: DatasetName;
  /** Sorted by id. */
  readonly images: readonly AnnotatedImage[];
  /** What the user should know before trusting a figure: images left out and why, unknown names, missing files. */
  readonly problems: readonly string[];
  /** How the labels came about, one sentence each; stands in the report. */
  readonly notes: readonly string[];
}

/** @throws UserError for images of one patient in two splits: what is tuned on one half would be known in the other */
export function checkSplits(images: readonly AnnotatedImage[]): void {
  const splitOf = new Map<string, AnnotatedImage>();
  for (const image of images) {
    const first = splitOf.get(image.patient) ?? image;
    splitOf.set(image.patient, first);
    if (first.split !== image.split)
      throw new UserError(
        `${first.id} and ${image.id} are of one patient but in the splits '${first.split ?? 'none'}' and '${image.split ?? 'none'}', ` +
          'expected one split per patient. Correct the annotations.',
      );
  }
}

/**
 * The images of one split; all without a name.
 * @throws UserError where the set has no such split
 */
export function selectSplit(set: AnnotatedSet, split: string | undefined): AnnotatedSet {
  checkSplits(set.images);
  if (split === undefined || split === 'all') return set;
  const images = set.images.filter((image) => image.split === split);
  if (images.length > 0) return { ...set, images };
  const names = [...new Set(set.images.map((image) => image.split ?? 'none'))].sort();
  throw new UserError(`No image is in the split '${split}'; the splits here are ${names.join(', ')}. Choose one of them with --split.`);
}
