import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
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

  it('names only files, npm scripts, commands and options that exist', async () => {
    const text = read('README.md');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) expect(existsSync(path.join(root, link)), link).toBe(true);
    for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) expect(read('package.json')).toContain(`"${script}":`);
    for (const [, name = '', rest = ''] of text.matchAll(/(?:npx mcgpu|npm run(?= demo)) ([a-z]+)([^`\n]*)/g)) {
      const help = (await createProgram([name])).commands.find((command) => command.name() === name)?.helpInformation() ?? '';
      for (const [option] of rest.matchAll(/(?<=\s)--[a-z]\S*/g)) expect(help, `${name} ${option}`).toContain(`  ${option} `);
      expect(help, name).not.toBe('');
    }
  });

  it.each(snippets('README.md', '').flatMap((block) => block.match(/^npx mcgpu .*(?=#)/gm) ?? []))(
    '%s needs no more options',
    async (line) => {
      const [name = '', ...argv] = line.trim().split(/\s+/).slice(2);
      const command = (await createProgram([name])).commands.find((c) => c.name() === name);
      if (!command) throw new Error(`${name} is no command.`);
      let isParsed = false;
      command.action(() => void (isParsed = true));
      await command.parseAsync(argv, { from: 'user' });
      expect(isParsed).toBe(true);
    },
  );
});
