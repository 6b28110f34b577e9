import { expect, it } from 'vitest';
import { phantomSource } from '../../src/synth/phantom.js';
import { DEFAULT_SYNTH } from '../../src/synth/priors.js';
import { LEAST_PLANTED_AUC, MOST_AUC, testLeaks } from '../../src/train/leak-test.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

it('a classifier cannot tell from around covered calcifications that they were drawn in, and finds a leak put there on purpose', async () => {
  const synth = { ...DEFAULT_SYNTH, phantom: { ...DEFAULT_SYNTH.phantom, textures: 1 } };
  const options = { seed: 1, trainPairs: 160, testPairs: 48, steps: 200, replicates: 200 };
  const report = await testLeaks(device, synth, phantomSource(synth), [phantomSource(synth)], options);
  expect(report.generator.auc).toBeLessThanOrEqual(MOST_AUC);
  expect(report.generator.interval[0]).toBeLessThanOrEqual(report.generator.auc);
  expect(report.planted.auc).toBeGreaterThanOrEqual(LEAST_PLANTED_AUC);
  expect(report.passed).toBe(true);
}, 300_000);
