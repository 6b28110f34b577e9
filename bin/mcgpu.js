#!/usr/bin/env node
// The command's entry: the compiled command line, which a fresh clone builds at its first use.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
if (!existsSync(main)) {
  console.error('mcgpu: building dist/ (once)');
  const build = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (build.status !== 0) {
    console.error('mcgpu: the build failed. In a clone run `npm run setup` first, then try again.');
    process.exit(2);
  }
}
const { run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));
