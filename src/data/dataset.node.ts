import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { UserError } from '../errors.js';
import { listImages } from './list-images.node.js';
import type { Mammogram } from './mammogram.js';
import { decodeMammogram, readImageFile } from './read.node.js';
import { isHeldBack } from './splits.js';

/** One usable image of a folder. */
export interface BackgroundFile<T> {
  readonly path: string;
  /** Of the file's bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  /** From DICOM, else the option's, else null. */
  readonly pixelSpacingMm: readonly [row: number, column: number] | null;
  /** What `keep` made of the image. */
  readonly kept: T;
}

/** What the integrity check found. */
export interface DatasetProblem {
  /** Relative to the folder. */
  readonly file: string;
  readonly problem: string;
  /** false: a warning, the file is used all the same. */
  readonly isLeftOut: boolean;
}

export interface Dataset<T> {
  readonly train: readonly BackgroundFile<T>[];
  /** Held back for ever, in every run: src/data/splits.ts. */
  readonly validation: readonly BackgroundFile<T>[];
  /** sha256 over the sorted sha256 of all usable files: the same images, whatever their names, give the same hash. */
  readonly dataHash: string;
  readonly problems: readonly DatasetProblem[];
}

export interface DatasetOptions<T> {
  /** Takes from each decoded image what is needed of it, since all pixels of a folder are too much; a UserError leaves the image out. */
  readonly keep: (mammogram: Mammogram) => T;
  /** Images with a shorter side are left out, px; default 256. */
  readonly minSidePx?: number;
  /** Of files that do not say theirs, mm. */
  readonly pixelSpacingMm?: number | undefined;
}

/**
 * Reads and decodes every image below a folder once, checks it, and splits the usable ones into training and validation.
 *
 * @throws UserError where the folder is missing or empty, or no image is left to train on
 */
export async function openDataset<T>(folder: string, options: DatasetOptions<T>): Promise<Dataset<T>> {
  const paths = await listImages([folder]);
  const problems: DatasetProblem[] = [];
  const files = new Map<string, BackgroundFile<T>>();
  for (const path of paths) {
    const report = (problem: string, isLeftOut: boolean): void => {
      problems.push({ file: relative(folder, path), problem, isLeftOut });
    };
    const file = await check(path, options, report);
    const twin = file && files.get(file.sha256);
    if (twin) report(`the same file as ${relative(folder, twin.path)}.`, true);
    else if (file) files.set(file.sha256, file);
  }
  const usable = [...files.values()];
  const train = usable.filter((file) => !isHeldBack(file.sha256));
  const validation = usable.filter((file) => isHeldBack(file.sha256));
  if (train.length === 0) throw new UserError(nothingToTrainOn(folder, paths.length, validation.length, problems));
  return { train, validation, dataHash: hashOf(usable), problems };
}

/** The file's entry, or null after a report of why it cannot be used. */
async function check<T>(
  path: string,
  { keep, minSidePx = 256, pixelSpacingMm }: DatasetOptions<T>,
  report: (problem: string, isLeftOut: boolean) => void,
): Promise<BackgroundFile<T> | null> {
  try {
    const bytes = await readImageFile(path);
    const mammogram = await decodeMammogram(bytes, { pixelSpacingMm });
    const { width, height, data } = mammogram.image;
    if (Math.min(width, height) < minSidePx) {
      report(`${width}x${height} pixels, smaller than ${minSidePx}x${minSidePx}.`, true);
      return null;
    }
    if (data.every((v) => v === data[0])) {
      report('all pixels have the same value.', true);
      return null;
    }
    const kept = keep(mammogram);
    for (const warning of mammogram.warnings) report(warning, false);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { path, sha256, pixelSpacingMm: mammogram.pixelSpacingMm, kept };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(error.message, true);
    return null;
  }
}

function nothingToTrainOn(folder: string, total: number, heldBack: number, problems: readonly DatasetProblem[]): string {
  if (heldBack > 0) return `${folder}: all ${heldBack} usable images are held back for validation (one in five is). Add more images.`;
  const first = problems.find((p) => p.isLeftOut);
  const example = first === undefined ? '' : ` First: ${first.file}: ${first.problem}`;
  return `${folder}: none of its ${total} images can be used.${example}`;
}

function hashOf(files: readonly { sha256: string }[]): string {
  const hash = createHash('sha256');
  for (const sha256 of files.map((file) => file.sha256).sort()) hash.update(`${sha256}\n`);
  return hash.digest('hex');
}
