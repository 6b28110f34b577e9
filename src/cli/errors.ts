import { CommanderError } from 'commander';
import { UserError } from '../errors.js';

/** The input or the use is wrong: the message says the repair. */
export const EXIT_USER_ERROR = 1;
/** Wrong usage of the command line, or a bug. */
export const EXIT_USAGE_OR_BUG = 2;

/** What the operating system refused, and what to do about it. */
const SYSTEM_REPAIRS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space or choose another --out.',
  EDQUOT: 'The disk quota is used up: free some space or choose another --out.',
  EROFS: 'The file system is read-only: choose another --out.',
  EACCES: 'Permission is denied: choose another path or change its permissions.',
  EPERM: 'The operation is not permitted: choose another path or change its permissions.',
  ENOENT: 'There is no such file or folder: check the path.',
  ENOTDIR: 'A part of the path is a file, not a folder: check the path.',
  EISDIR: 'A file was expected, but this is a folder: check the path.',
  EMFILE: 'Too many files are open: raise the limit (ulimit -n).',
};

function systemRepair(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? SYSTEM_REPAIRS[code] : undefined;
}

/** What to print for an error that ended a command, and the exit code; the stack only with `debug`. */
export function describeError(error: unknown, debug: boolean): { text: string; exitCode: number } {
  // Commander has printed its own message, with the nearest option.
  if (error instanceof CommanderError) return { text: '', exitCode: error.exitCode === 0 ? 0 : EXIT_USAGE_OR_BUG };
  const message = error instanceof Error ? error.message : String(error);
  const stack = debug && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  const repair = systemRepair(error);
  if (error instanceof UserError || repair !== undefined) {
    return { text: `mcgpu: ${[message, repair].filter(Boolean).join('. ')}${stack}`, exitCode: EXIT_USER_ERROR };
  }
  const next = debug ? '' : ' Run again with --debug for the stack, and report it together with the output of `mcgpu doctor`.';
  return {
    text: `mcgpu: internal error: ${message}\nThis is a bug in mcgpu, not in your input.${next}${stack}`,
    exitCode: EXIT_USAGE_OR_BUG,
  };
}
