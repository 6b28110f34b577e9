import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planExperiment, slug } from '../../src/experiment/plan.js';

const two = {
  seeds: [3, 4],
  config: { train: { steps: 10, losses: { focal: 2 } } },
  runs: [{ name: 'As it is' }, { name: 'Steps: 20', config: { train: { steps: 20 } } }],
};

describe('the plan of an experiment', () => {
  it('has every row with every seed, seed by seed, so that a stop leaves rows that can be compared', () => {
    const { runs } = planExperiment(two, 'file');
    expect(runs.map(({ row, seed }) => [row, seed])).toEqual([['As it is', 3], ['Steps: 20', 3], ['As it is', 4], ['Steps: 20', 4]]); // prettier-ignore
    expect(runs.map(({ folder }) => folder)).toEqual(['as-it-is/seed-3', 'steps-20/seed-3', 'as-it-is/seed-4', 'steps-20/seed-4']);
  });

  it("merges a row's settings into those of all rows, and keeps the rest at its default", () => {
    const [first, second] = planExperiment(two, 'file').runs;
    expect(first?.config.train).toMatchObject({ steps: 10, seed: 3, losses: { focal: 2, tversky: 0.5 } });
    expect(second?.config.train).toMatchObject({ steps: 20, seed: 3, losses: { focal: 2 } });
  });

  it.each([
    [{ ...two, run: [] }, /unknown key 'run'.*Did you mean 'runs'/],
    [{ ...two, runs: [] }, /runs/],
    [{ ...two, seeds: [1, 1] }, /seeds are 1, 1, expected each once/],
    [{ ...two, runs: [{ name: 'a b' }, { name: 'A-b' }] }, /two runs are called 'a-b'/],
    [
      { ...two, runs: [{ name: 'x', config: { train: { step: 3 } } }] },
      /file, run 'x': unknown key 'train.step'.*Did you mean 'train.steps'/,
    ],
    [{ ...two, config: { train: { patch: 100 } } }, /run 'As it is': train.patch is 100 px, expected a multiple of 16/],
  ])('refuses %o with what to do about it', (input, message) => {
    expect(() => planExperiment(input, 'file')).toThrow(message);
  });

  it('makes folder names of any text', () => {
    expect(slug('  UNet3+ (full) / 4 ')).toBe('unet3-full-4');
    expect(slug('«»')).toBe('run');
  });

  it.each(readdirSync('experiments'))('experiments/%s can be planned', (file) => {
    const { runs } = planExperiment(parse(readFileSync(`experiments/${file}`, 'utf8')), file);
    expect(runs.length).toBeGreaterThanOrEqual(2);
  });
});
