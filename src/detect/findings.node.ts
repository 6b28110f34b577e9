import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { explainFileError, writeFileAtomic } from '../files.node.js';
import { findingsSchema, type FindingsFile } from './findings.js';

/** Names of one image's output files, without folder. */
export interface OutputNames {
  readonly overlay: string;
  readonly benignLike: string;
  readonly malignantLike: string;
}

/** Longest part of a name that comes from the input, so that the whole stays within any file system's limit. */
const MAX_STEM = 80;

/**
 * `<n>-<name>-overlay.png` and so on. The name is the file name as the user gave it, never anything read from the file:
 * folder and extension dropped, all but letters, digits, `.`, `_` and `-` replaced, so that it can lead nowhere else.
 * @param n number of the image in the run: two inputs of one name stay apart
 */
export function outputNames(n: number, file: string): OutputNames {
  const base = file.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const stem = base
    .replace(/\.[A-Za-z][A-Za-z0-9]{0,4}$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, MAX_STEM);
  const start = `${n}-${stem || 'image'}`;
  return { overlay: `${start}-overlay.png`, benignLike: `${start}-benign-like.png`, malignantLike: `${start}-malignant-like.png` };
}

/** Whether a file (without folder) is named like one that a run writes. */
export function isOutputName(name: string): boolean {
  return /^\d+-.+-(overlay|benign-like|malignant-like)\.png$/.test(name);
}

/**
 * Removes the pictures that an earlier run left in a folder.
 * @param keep files that are not touched, whatever they are called: what the next run reads
 * @throws UserError where one cannot be removed
 */
export async function removeEarlierPictures(folder: string, keep: readonly string[]): Promise<void> {
  const kept = new Set(keep.map((file) => resolve(file)));
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isFile() || !isOutputName(entry.name) || kept.has(resolve(path))) continue;
    await rm(path, { force: true }).catch((error: unknown) => {
      throw explainFileError(error, path, 'write');
    });
  }
}

/**
 * Writes `findings.json`, whole or not at all.
 * @throws UserError where the place cannot be written
 */
export async function writeFindings(path: string, findings: FindingsFile): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(findingsSchema.parse(findings), null, 1)}\n`);
}
