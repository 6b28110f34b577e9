import { describe, expect, test } from 'vitest';
import { shapeOf } from '../../src/data/sets/annotation-file.js';
import { pixelsOf } from '../../src/data/shapes.js';
import { marksOf } from '../../src/synth/annotate.js';
import { DEMO_1 } from '../../src/synth/demo-1.js';
import { phantomSource } from '../../src/synth/phantom.js';
import { makeSample, type SyntheticMC } from '../../src/synth/sample.js';

const mc = (x: number, y: number, diameterMm: number, parts: Partial<SyntheticMC> = {}): SyntheticMC => ({
  x,
  y,
  diameterMm,
  contrast: 0.1,
  morphology: 'round',
  class: 'benign-like',
  ...parts,
});
const mask = (...rows: string[]): Uint8Array => Uint8Array.from(rows.join(''), (c) => (c === '#' ? 1 : 0));
const raw = { width: 6, height: 3, data: new Float32Array(18) };
const none = new Uint8Array(18);

describe('annotations of a sample', () => {
  test('give every MC its own pixels of its class’s mask, and areas that may hold real ones as clusters', () => {
    const masks = [mask('##.##.', '##.##.', '......'), mask('......', '.....#', '......')] as const;
    const mcs = [mc(0.5, 0.5, 0.2), mc(3.5, 0.5, 0.2), mc(5, 1, 0.1, { class: 'malignant-like', contrast: 0.3 })];
    expect(marksOf({ masks, ignore: mask('......', '......', '##....'), mcs, raw })).toEqual([
      {
        contrast: 0.1,
        runs: [
          [0, 0, 1],
          [1, 0, 1],
        ],
      },
      {
        contrast: 0.1,
        runs: [
          [0, 3, 4],
          [1, 3, 4],
        ],
      },
      { contrast: 0.3, runs: [[1, 5, 5]] },
      { role: 'cluster', runs: [[2, 0, 1]] },
    ]);
  });

  test('part touching MCs where their rims meet, and mark one that owns no pixel as a point', () => {
    const mcs = [mc(1, 0, 0.3), mc(4, 0, 0.1), mc(2, 2, 0.1, { class: 'malignant-like' })];
    expect(marksOf({ masks: [mask('######', '......', '......'), none], ignore: none, mcs, raw })).toEqual([
      { contrast: 0.1, runs: [[0, 0, 3]] },
      { contrast: 0.1, runs: [[0, 4, 5]] },
      { contrast: 0.1, point: [2, 2] },
    ]);
  });

  test('put together cover the masks of drawn samples, no pixel twice', () => {
    const source = phantomSource(DEMO_1);
    for (let i = 0; i < 6; i++) {
      const sample = makeSample(source, DEMO_1, 5, i);
      const { width, height } = sample.raw;
      const drawn = marksOf(sample)
        .filter((m) => m.role !== 'cluster')
        .map((m) => shapeOf({ ...m, role: 'mc' }));
      expect(drawn).toHaveLength(sample.mcs.length);
      const pixels = drawn.filter(({ kind }) => kind === 'runs').flatMap((shape) => pixelsOf(shape, width, height));
      const union = [...sample.masks[0]].flatMap((v, p) => (v === 1 || sample.masks[1][p] === 1 ? [p] : []));
      expect(new Set(pixels).size).toBe(union.length);
      expect([...new Set(pixels)].sort((a, b) => a - b)).toEqual(union);
    }
  });
});
