import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { phantomMammogram } from '../../src/synth/phantom-mammogram.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** Fenced code of one language in a Markdown file. */
function snippets(file: string, language: string): string[] {
  return [...read(file).matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((m) => m[1] ?? '');
}

describe('README', () => {
  // Inside the package, so that `import 'mcgpu'` finds it by its own name; in a folder that git ignores.
  mkdirSync(path.join(root, 'runs'), { recursive: true });
  const folder = mkdtempSync(path.join(root, 'runs', 'readme-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(snippets('README.md', 'js').map((code, i) => [i + 1, code] as const))('program %i runs as it stands', async (i, code) => {
    const { width, height, data } = phantomMammogram(1, { width: 256, height: 320, pixelSpacingMm: 0.1, view: 'CC' });
    const levels = Uint16Array.from(data, (v) => Math.round(65535 * v));
    await sharp(levels, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(path.join(folder, 'mammogram.dcm')); // what a file is stands in its first bytes, not in its name
    const program = path.join(folder, `snippet-${i}.mjs`);
    writeFileSync(program, code);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^P\(MC\) = [\d.e-]+, \d+ marked, \d+ clusters$/m);
  });

  it('names only commands, options and files that exist', () => {
    const text = read('README.md');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) expect(existsSync(path.join(root, link)), link).toBe(true);
    for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) expect(read('package.json')).toContain(`"${script}":`);
  });
});
