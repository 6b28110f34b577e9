import { basename, dirname, resolve } from 'node:path';
import { listImages } from '../data/list-images.node.js';
import type { Failure } from '../detect/findings.js';
import { isOutputName } from '../detect/findings.node.js';
import { UserError } from '../errors.js';

/** What to detect on, in the order given, and the paths that led nowhere. */
export interface Inputs {
  readonly files: readonly string[];
  readonly failures: readonly Failure[];
}

/**
 * Images of all paths. A path without any is a failure beside the others; pictures that an earlier run left in `out` are no input
 * where a folder is searched.
 * @throws UserError where no path leads to an image
 */
export async function findInputs(paths: readonly string[], out: string): Promise<Inputs> {
  const files = new Map<string, string>();
  const failures: Failure[] = [];
  const isEarlierOutput = (file: string): boolean => isOutputName(basename(file)) && dirname(resolve(file)) === resolve(out);
  for (const path of new Set(paths)) {
    try {
      const found = await listImages([path]);
      for (const file of found) if (file === path || !isEarlierOutput(file)) files.set(resolve(file), file);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(failureOf(path, error));
    }
  }
  if (files.size > 0) return { files: [...files.values()], failures };
  const errors = failures.map(({ file, error }) => `${file}: ${error}`);
  throw new UserError(
    errors.length > 0 ? errors.join('\n') : `${paths.join(', ')}: holds no image but the results of an earlier run. Give images.`,
  );
}

/** One file's error. A bug's message may quote whatever it failed on, so only its kind is told. */
export function failureOf(file: string, error: unknown): Failure {
  if (error instanceof UserError) {
    const prefix = `${file}: `;
    return { file, error: error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message };
  }
  const kind = error instanceof Error ? error.name : typeof error;
  return { file, error: `internal error (${kind}): a bug in mcgpu. Run it alone with --debug for the stack, and report it.` };
}
