import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { parseAnnotationCsv, parseAnnotationJson } from '../../src/data/sets/annotation-file.js';

const text = readFileSync('docs/evaluation.md', 'utf8');
const snippet = (language: string): string => new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(text)?.[1] ?? '';

it('docs/evaluation.md shows one set of annotations in two forms that say the same', () => {
  expect(parseAnnotationJson(snippet('json'))).toHaveLength(2);
  expect(parseAnnotationCsv(snippet('csv'))).toEqual(parseAnnotationJson(snippet('json')));
});

it('docs/evaluation.md names only options that exist', async () => {
  const program = await createProgram(['evaluate', 'data', 'synth']);
  const named = program.commands.flatMap((command) => [command, ...command.commands]).map((command) => command.helpInformation());
  for (const [option] of text.matchAll(/(?<=[`\s(])--[a-z][a-z-]*/g)) expect(named.join(), option).toContain(`  ${option}`);
});
