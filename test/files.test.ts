import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../src/errors.js';
import { explainFileError, makeFolder, readWholeFile, writeFileAtomic } from '../src/files.node.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-files-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What node:fs throws. */
const systemError = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });

it('writeFileAtomic replaces a file and leaves nothing beside it', async () => {
  const path = join(folder, 'a.bin');
  await writeFileAtomic(path, 'old');
  await Promise.all([writeFileAtomic(path, 'new'), writeFileAtomic(path, 'new')]);
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(folder)).toEqual(['a.bin']);
});

it('readWholeFile and makeFolder tell what is wrong with a path', async () => {
  await expect(readWholeFile(join(folder, 'none'))).rejects.toThrow(/none: could not read it: no such file or folder. Check the path/);
  await writeFileAtomic(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toThrow(UserError);
});

it.each([
  ['ENOSPC', 'RUN: could not write it: the disk is full. Free some space or choose a path on another disk.'],
  ['EROFS', 'RUN: could not write it: the file system is read-only. Choose a path on a writable one.'],
  ['EIO', 'RUN: could not write it: the system answered EIO.'],
])('explainFileError turns %s into a repair', (code, message) => {
  const explained = explainFileError(systemError(code), 'RUN', 'write');
  expect(explained).toBeInstanceOf(UserError);
  expect(explained).toMatchObject({ message });
});

it('explainFileError leaves bugs as they are', () => {
  const bug = new TypeError('x');
  expect(explainFileError(bug, 'RUN', 'write')).toBe(bug);
});

// A file-size limit of 20 KiB stands in for a full disk: the write fails half way.
it.skipIf(process.platform !== 'linux')('a write that fails half way leaves the old file whole and no temporary file (Linux)', () => {
  const path = join(folder, 'a.bin');
  const script = join(folder, 'script.mts');
  writeFileSync(path, 'old');
  writeFileSync(
    script,
    `import { writeFileAtomic } from ${JSON.stringify(new URL('../src/files.node.ts', import.meta.url).href)};
     process.on('SIGXFSZ', () => {});
     await writeFileAtomic(${JSON.stringify(path)}, new Uint8Array(100_000)).catch((e) => console.log(e.name, e.message));`,
  );
  const tsx = fileURLToPath(new URL('../node_modules/tsx/dist/cli.mjs', import.meta.url));
  const said = execFileSync('bash', ['-c', 'ulimit -f 20; exec "$@"', 'bash', process.execPath, tsx, script], {
    encoding: 'utf8',
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  });
  expect(said).toMatch(/^UserError .*a\.bin: could not write it: the file would be larger/);
  expect(readdirSync(folder).sort()).toEqual(['a.bin', 'script.mts']);
  expect(readFileSync(path, 'utf8')).toBe('old');
});
