import { describe, expect, it } from 'vitest';
import { planExperiment } from '../../src/experiment/plan.js';
import { resultsCsv, resultsMarkdown } from '../../src/experiment/results-table.js';
import type { RunRecord } from '../../src/experiment/run.node.js';
import { testFigures } from '../../src/experiment/test-figures.js';
import type { PatchScores } from '../../src/train/validation.js';

const plan = planExperiment({ title: 'T', seeds: [1, 2], runs: [{ name: 'a, "b"' }, { name: 'later' }] }, 'file');
const figure = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });

function record(seed: number, value: number): RunRecord {
  const f = figure(value);
  return {
    schema: 'mcgpu.experiment-run/1',
    notice: '',
    row: 'a, "b"',
    seed,
    configHash: '',
    dataHash: '',
    testHash: '',
    steps: 100,
    parameters: 145487,
    trainingS: 60,
    modelSha256: '',
    adapter: 'llvmpipe',
    commit: '0123456789abcdef',
    figures: {
      sensitivity: f,
      sensitivityAt1: f,
      aucPresent: f,
      aucMalignant: { undefined: 'one class' },
      precision: f,
      recall: f,
      dice: f,
      energyOnMcs: f,
      pointing: f,
    },
    evaluations: [],
  };
}

describe('the table of an experiment', () => {
  it('has the mean of the seeds, half their range, and the mean interval; rows not run yet stay empty', () => {
    const text = resultsMarkdown(plan, [record(1, 0.5), record(2, 0.7)]);
    expect(text).toContain('2 of 4 runs done');
    expect(text).toContain('| a, "b" | 2 | 145,487 | 100 | 1.0 min | 0.600 ± 0.100 (0.500-0.700) |');
    expect(text).toContain('| later | 0 |');
    expect(text).toContain('| one class |');
    expect(text).toContain('Research use only - not a medical device');
  });

  it('is a CSV with a line per run, names quoted', () => {
    const [header, line] = resultsCsv(plan, [record(1, 0.5)]).split('\n');
    expect(header).toMatch(/^run,seed,steps,parameters,training_s,sensitivity,sensitivity_low/);
    expect(line).toMatch(/^"a, ""b""",1,100,145487,60.0,0.5,0.4,0.6,/);
    expect(line?.split(',').length).toBe((header?.split(',').length ?? 0) + 1); // the comma of the name
  });
});

describe('annotated sets of an experiment', () => {
  const withSet = planExperiment({ runs: [{ name: 'a, "b"' }], evaluate: [{ dataset: 'cbis-crops', split: 'select' }] }, 'file');
  const evaluated: RunRecord = {
    ...record(1, 0.5),
    evaluations: [
      {
        set: 'cbis-crops select',
        dataHash: '',
        aucPresent: figure(0.9),
        aucMalignant: figure(0.7),
        aucMalignantBiopsied: null,
        aucMalignantWithinArea: figure(0.6),
        sensitivityAt1: null,
      },
    ],
  };

  it('get a table of their own, without the columns that they cannot fill', () => {
    const text = resultsMarkdown(withSet, [evaluated]);
    expect(text).toContain('On cbis-crops select');
    expect(text).toContain('| run | AUC present | AUC malignant | within quintiles of area |');
    expect(text).toContain('| a, "b" | 0.900 (0.800-1.000) | 0.700 (0.600-0.800) | 0.600 (0.500-0.700) |');
  });

  it('have columns with their name in the CSV', () => {
    const [header = '', line = ''] = resultsCsv(withSet, [evaluated]).split('\n');
    const at = header.split(',').indexOf('cbis-crops select: aucPresent');
    expect(line.split(',')[at + 1]).toBe('0.9'); // after the comma of the name
  });
});

/** Odd samples hold a calcification at (8, 8); `quality` of them are found and scored higher than anything else. */
function samples(count: number, quality: number): PatchScores[] {
  return Array.from({ length: count }, (_, i) => {
    const holds = i % 2 === 1;
    const found = holds && (i % 100) / 100 < quality;
    const noise = ((i * 37) % 50) / 100;
    return {
      marks: holds ? [{ x: 8, y: 8 }] : [],
      detections: found ? [{ x: 9, y: 8, score: 0.9 }] : i % 3 === 0 ? [{ x: 50, y: 50, score: noise }] : [],
      counts: { tp: found ? 5 : 0, fp: 1, fn: found ? 1 : holds ? 6 : 0, tn: 1000 },
      mcScore: found ? 0.9 : noise,
      malignancyScore: noise,
      classIndex: holds ? 1 + (Math.floor(i / 2) % 2) : 0,
      located: holds ? { energy: found ? 0.5 : NaN, pointed: found } : null,
    };
  });
}

describe('test figures', () => {
  it('come with an interval that holds the value and narrows with more samples', () => {
    const [few, many] = [testFigures(samples(100, 0.6), 0.1, 1), testFigures(samples(1600, 0.6), 0.1, 1)];
    for (const { sensitivity, aucPresent, dice } of [few, many]) {
      for (const f of [sensitivity, aucPresent, dice]) {
        if (!('value' in f)) throw new Error(f.undefined);
        expect(f.low).toBeLessThanOrEqual(f.value);
        expect(f.high).toBeGreaterThanOrEqual(f.value);
      }
    }
    const width = ({ aucPresent: f }: typeof few): number => ('value' in f ? (f.high ?? NaN) - (f.low ?? NaN) : NaN);
    expect(width(many)).toBeLessThan(0.5 * width(few));
    expect(many.sensitivity).toMatchObject({ value: 0.6 });
    expect(many.pointing).toMatchObject({ value: 0.6 });
    expect(many.energyOnMcs).toMatchObject({ value: 0.5 }); // of the maps that are not empty
  });

  it('say why there is none where the samples are of one class', () => {
    const { aucPresent, sensitivity, pointing } = testFigures(samples(40, 1).filter((s) => s.classIndex === 0), 0.1, 1); // prettier-ignore
    expect(aucPresent).toEqual({ undefined: 'samples of one class only' });
    expect(sensitivity).toEqual({ undefined: 'no calcification in the test samples' });
    expect(pointing).toEqual({ undefined: 'no sample with calcifications and a map' });
  });
});
