import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEFAULT_SYNTH, PRIORS, type Range } from '../../src/synth/priors.js';

/** Cells of the table in docs/method.md whose head begins with this cell. */
function table(firstCell: string): string[][] {
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const lines = readFileSync('docs/method.md', 'utf8').split('\n');
  const start = lines.findIndex((line) => cells(line)[0] === firstCell);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map(cells);
}

const FULL_NAMES: Record<string, string> = {
  vascular: 'vascular, two tracks',
  pleomorphic: 'fine pleomorphic',
  'fine-linear': 'fine linear',
  rod: 'large rod',
  'milk-of-calcium': 'milk of calcium',
  'coarse-heterogeneous': 'coarse heterogeneous',
};
const text = ([low, high]: Range): string => (low === high ? `${low}` : `${low}-${high}`);

it('docs/method.md has the prior table as it is drawn from', () => {
  const rows = PRIORS.map((p) => [p.class, p.distribution, FULL_NAMES[p.morphology] ?? p.morphology, p.weight.toFixed(2), text(p.count)]);
  expect(table('class')).toEqual(rows);
});

it('docs/method.md has the diameters as they are drawn', () => {
  const rows = Object.entries(DEFAULT_SYNTH.diameterMm).map(([name, range]) => {
    return [name === 'vascular' ? name : (FULL_NAMES[name] ?? name), text(range)];
  });
  expect(table('morphology')).toEqual(rows);
});
