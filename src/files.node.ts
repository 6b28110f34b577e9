// Whole files in and out, with errors a user can act on. Written files appear under their final name only when complete.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from './errors.js';

/** What the operating system's refusals mean to the user, and the repair. */
const REPAIRS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder. Check the path',
  ENOTDIR: 'a part of the path is a file, expected a folder. Check the path',
  EISDIR: 'this is a folder, expected a file. Give a file',
  EEXIST: 'it exists already. Choose another path',
  EACCES: 'permission denied. Change the permissions or choose another path',
  EPERM: 'operation not permitted. Change the permissions or choose another path',
  EROFS: 'the file system is read-only. Choose a path on a writable one',
  ENOSPC: 'the disk is full. Free some space or choose a path on another disk',
  EDQUOT: 'the disk quota is used up. Free some space or choose a path on another disk',
  EFBIG: 'the file would be larger than allowed here. Raise the limit or choose a path on another disk',
  EMFILE: 'too many open files. Close some or raise the limit (ulimit -n)',
};

/** A UserError for a refusal of the operating system (disk full, no permission, ...); every other error comes back as it is. */
export function explainFileError(error: unknown, path: string, doing: 'read' | 'write'): unknown {
  if (!(error instanceof Error) || error instanceof UserError || !('code' in error) || !('syscall' in error)) return error;
  const code = String(error.code);
  return new UserError(`${path}: could not ${doing} it: ${REPAIRS[code] ?? `the system answered ${code}`}.`, { cause: error });
}

/** @throws UserError where the file is missing or not readable */
export async function readWholeFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(path);
  } catch (error) {
    throw explainFileError(error, path, 'read');
  }
}

let temporaryFiles = 0; // counts within this process, so that two writes at once do not share a name

/**
 * Writes `content` beside `path`, makes sure it is on the disk, and moves it there in one step: a reader sees the old file or the
 * new one, never a part, even after a power cut. The folder must exist.
 *
 * @throws UserError where the disk is full, read-only or not permitted; the old file is untouched and nothing is left behind
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${temporaryFiles++}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw explainFileError(error, path, 'write');
  }
  await syncFolder(dirname(path));
}

/** Makes the folder with its parents. @throws UserError */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw explainFileError(error, path, 'write');
  }
}

/** Puts the renaming itself on the disk. Windows cannot open a folder, and some network disks refuse: the file is complete anyway. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
