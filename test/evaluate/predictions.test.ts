import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CaseResult } from '../../src/evaluate/case.js';
import { countLook, ledgerPath } from '../../src/evaluate/ledger.node.js';
import { PredictionsLog, type PredictionsHeader } from '../../src/evaluate/predictions.node.js';
import { temporaryFolder } from '../data/sets/look-alikes.js';

const HEADER: PredictionsHeader = {
  notice: 'notice',
  dataset: 'folder',
  split: 'all',
  dataHash: 'd'.repeat(64),
  modelSha256: 'm'.repeat(64),
  adapter: 'some adapter',
  pixelThreshold: 0.5,
  pixelSpacingMm: null,
};

const result = (id: string): CaseResult => ({
  id,
  sha256: 's',
  width: 9,
  height: 9,
  pixelSpacingMm: [0.1, 0.1],
  breastCm2: 1,
  mcScore: 0.5,
  malignancyScore: 0.25,
  detections: [{ x: 1, y: 2, box: [0, 1, 2, 3], score: 0.75, excused: false }],
  marks: null,
  outside: 0,
  pixels: null,
  objectIous: [],
  showable: true,
  vendor: null,
  warnings: [],
});

describe('the log of predictions', () => {
  it('goes on where it stopped, without the line that a kill cut off, and counts nothing twice', async () => {
    const out = temporaryFolder();
    const log = await PredictionsLog.open(out, HEADER, false);
    await log.add(result('a'));
    await log.add({ id: 'b', error: 'it is broken.' });
    const path = PredictionsLog.path(out, HEADER.modelSha256);
    appendFileSync(path, JSON.stringify(result('c')).slice(0, 50));
    const resumed = await PredictionsLog.open(out, HEADER, true);
    expect([...resumed.lines.values()]).toEqual([result('a'), { id: 'b', error: 'it is broken.' }]);
    await expect(resumed.add(result('a'))).rejects.toThrow(/a was added twice/);
    await resumed.add(result('c'));
    expect([...(await PredictionsLog.open(out, HEADER, true)).lines.keys()]).toEqual(['a', 'b', 'c']);
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(4);
  });

  it('begins anew without resume', async () => {
    const out = temporaryFolder();
    await (await PredictionsLog.open(out, HEADER, false)).add(result('a'));
    expect((await PredictionsLog.open(out, HEADER, false)).lines.size).toBe(0);
  });

  it.each([
    ['dataHash', 'e'.repeat(64)],
    ['adapter', 'another'],
    ['split', 'test'],
    ['pixelSpacingMm', 0.07],
  ] as const)('is not continued with another %s', async (key, value) => {
    const out = temporaryFolder();
    await PredictionsLog.open(out, HEADER, false);
    await expect(PredictionsLog.open(out, { ...HEADER, [key]: value }, true)).rejects.toThrow(
      new RegExp(`it was begun with ${key} .*, now ${value}.* start again with --overwrite`),
    );
  });

  it('is refused where a line in its middle is damaged, or where it is another file', async () => {
    const out = temporaryFolder();
    const path = PredictionsLog.path(out, HEADER.modelSha256);
    await (await PredictionsLog.open(out, HEADER, false)).add(result('a'));
    appendFileSync(path, `{"id":"b"}\n${JSON.stringify(result('c'))}\n`);
    await expect(PredictionsLog.open(out, HEADER, true)).rejects.toThrow(/line 3 is damaged/);
    writeFileSync(path, 'hello\n');
    await expect(PredictionsLog.open(out, HEADER, true)).rejects.toThrow(/no log of predictions of this version/);
  });
});

describe('the ledger of a test set', () => {
  const look = { dataset: 'folder', split: 'test', dataHash: 'd', models: ['m'] };

  it('lies beside the data, and counts every look from the first locked one on', async () => {
    const data = join(temporaryFolder(), 'set');
    expect(await countLook(data, look, false, false)).toBeNull();
    expect(await countLook(data, look, true, false)).toBe(1);
    expect(await countLook(data, look, false, false)).toBe(2);
    expect(basename(ledgerPath(`${data}/`))).toBe('set.mcgpu-test-ledger.json');
  });

  it('takes a resumed evaluation for the same look, and another split or model for another', async () => {
    const data = join(temporaryFolder(), 'set');
    await countLook(data, look, true, false);
    expect(await countLook(data, look, true, true)).toBe(1);
    expect(await countLook(data, { ...look, models: ['n'] }, true, true)).toBe(2);
    expect(await countLook(data, { ...look, split: 'tuning' }, true, false)).toBe(1);
  });

  it('is not begun again where it is damaged', async () => {
    const data = join(temporaryFolder(), 'set');
    writeFileSync(ledgerPath(data), '{');
    await expect(countLook(data, look, false, false)).rejects.toThrow(/or it is damaged. Restore it/);
  });
});
