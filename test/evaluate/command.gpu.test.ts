import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { NOTICE } from '../../src/detect/findings.js';
import { caseSchema, type CaseResult } from '../../src/evaluate/case.js';
import { ledgerPath } from '../../src/evaluate/ledger.node.js';
import type { MetricsFile } from '../../src/evaluate/metrics-file.js';
import { dicom, makeBmcd, makeInbreast, temporaryFolder, write } from '../data/sets/look-alikes.js';
import { CANARY } from '../data/make-dicom.js';
import { runCommand, type CommandResult } from '../support/command-line.js';
import { modelBytes } from '../support/model.js';

const folder = temporaryFolder();
const model = write(folder, 'model.safetensors', modelBytes(3, { change: { threshold: 0.7 } }));
const other = write(folder, 'other.safetensors', modelBytes(4, { change: { threshold: 0.7 } }));

/** Everything but the draws is what the command does by default. */
async function evaluate(out: string, ...argv: string[]): Promise<CommandResult & { out: string }> {
  const path = join(folder, out);
  return { ...(await runCommand('evaluate', '--model', model, '--out', path, '--replicates', '40', ...argv)), out: path };
}

const readMetrics = (out: string): MetricsFile => JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')) as MetricsFile;
const logOf = (out: string): string => join(out, readdirSync(out).find((name) => name.endsWith('.ndjson')) ?? 'none');
const casesOf = (out: string): CaseResult[] =>
  readFileSync(logOf(out), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => caseSchema.parse(JSON.parse(line)));
const everything = (out: string): string =>
  readdirSync(out)
    .map((name) => readFileSync(join(out, name), 'utf8'))
    .join('\n');

describe('mcgpu evaluate on a look-alike of INbreast', () => {
  const data = join(folder, 'inbreast');
  let result: Awaited<ReturnType<typeof evaluate>>;
  let metrics: MetricsFile;
  beforeAll(async () => {
    makeInbreast(data);
    write(data, 'AllDICOMs/20000006_ccc333_MG_L_CC_ANON.dcm', dicom(6, [[40, 40]], { BurnedInAnnotation: 'YES' }));
    result = await evaluate('one', '--dataset', 'inbreast', '--data', data);
    metrics = readMetrics(result.out);
  });

  it('writes metrics with rule, hashes, seed and adapter, and ends with code 0', () => {
    expect(result.code).toBe(0);
    expect(metrics).toMatchObject({
      schema: 'mcgpu.evaluation/1',
      notice: NOTICE,
      bootstrap: { seed: 1, replicates: 40 },
      pixelThreshold: 0.5,
    });
    expect(metrics.adapter).not.toBe('');
    expect([metrics.data.dataHash, metrics.models[0]?.sha256].every((hash) => /^[0-9a-f]{64}$/.test(hash ?? ''))).toBe(true);
    expect(metrics.models[0]?.evaluation).toMatchObject({ images: 6, patients: 3, marked: { images: 6, normal: 5, marks: 3, outside: 1 } });
    expect(metrics.models[0]?.evaluation.objects.map(({ rule, radiusMm }) => [rule, radiusMm])).toEqual([
      ['A', 0.35],
      ['B', 0.49],
    ]);
    expect(metrics.data.problems).toContain('Regions of unknown names, not used: Scribble.');
  });

  it('counts false positives as its predictions say: all findings at the threshold less those that found a mark or are excused', () => {
    const cases = casesOf(result.out);
    const at = metrics.models[0]!.evaluation.objects[1]!.atThreshold;
    const counted = cases.flatMap(({ detections }) => detections).filter(({ score, excused }) => score >= 0.7 && !excused).length;
    const [sensitivity, perImage] = [at.sensitivity, at.falsePositivesPerImage].map((figure) => ('value' in figure ? figure.value : NaN));
    expect(counted).toBeGreaterThan(0);
    expect(Math.round(6 * perImage!) + Math.round(3 * sensitivity!)).toBe(counted);
  });

  it('prints both rules with their thresholds', () => {
    expect(result.stdout).toMatch(/rule A: sensitivity at 0.25 FP\/image/);
    expect(result.stdout).toMatch(/rule B, threshold 0.7: sensitivity/);
    expect(result.stdout).toContain(NOTICE);
    expect(result.stderr).toContain('warning: Regions of unknown names, not used: Scribble.');
  });

  it('writes a report that needs no network, no script and no other file', () => {
    const html = readFileSync(join(result.out, 'report.html'), 'utf8');
    expect(html).toContain(NOTICE);
    expect(html).toContain(metrics.data.dataHash);
    expect(html.match(/<svg/g)?.length).toBeGreaterThan(5);
    expect(html).toMatch(/href="data:image\/jpeg;base64,/);
    expect(html).not.toMatch(/<script|https?:|(src|href)="(?!data:)|url\(|@import/);
  });

  it('shows no picture of an image that may carry a name, and passes no patient data on', () => {
    const html = readFileSync(join(result.out, 'report.html'), 'utf8');
    expect(html).not.toContain('aria-label="AllDICOMs/20000006');
    expect(`${everything(result.out)}${result.stdout}${result.stderr}`).not.toContain(CANARY.slice(0, 6));
  });

  it('refuses a folder that holds an evaluation, and replaces it when told to, with the same figures', async () => {
    const again = await evaluate('one', '--dataset', 'inbreast', '--data', data);
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/metrics.json exists already.*--overwrite/) as string]);
    expect((await evaluate('one', '--dataset', 'inbreast', '--data', data, '--overwrite')).code).toBe(0);
    expect({ ...readMetrics(result.out), time: '' }).toEqual({ ...metrics, time: '' });
  });

  it('an interrupted evaluation asks for --resume, goes on, and gives what an uninterrupted one gives', async () => {
    const part = await evaluate('interrupted', '--dataset', 'inbreast', '--data', data);
    const lines = readFileSync(logOf(part.out), 'utf8').split('\n');
    writeFileSync(logOf(part.out), [...lines.slice(0, 3), lines[3]!.slice(0, 40)].join('\n'));
    writeFileSync(join(part.out, 'report.html'), 'old');
    // What is left when a run is killed: a log without metrics.
    rmSync(join(part.out, 'metrics.json'));
    const refused = await evaluate('interrupted', '--dataset', 'inbreast', '--data', data);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/begun here and not finished. Go on with --resume/) as string,
    ]);
    expect((await evaluate('interrupted', '--dataset', 'inbreast', '--data', data, '--resume')).code).toBe(0);
    expect({ ...readMetrics(part.out), time: '' }).toEqual({ ...metrics, time: '' });
    expect(casesOf(part.out).map(({ id }) => id)).toEqual(casesOf(result.out).map(({ id }) => id));
  });

  it('is not resumed after the annotations have changed', async () => {
    const changed = join(folder, 'changed');
    makeInbreast(changed);
    const first = await evaluate('changed-out', '--dataset', 'inbreast', '--data', changed);
    expect(first.code).toBe(0);
    write(changed, 'INbreast.csv', readFileSync(join(changed, 'INbreast.csv'), 'utf8').replace(';2;5', ';2;2'));
    const second = await evaluate('changed-out', '--dataset', 'inbreast', '--data', changed, '--resume');
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/begun with dataHash/) as string]);
    expect(existsSync(join(first.out, 'metrics.json'))).toBe(true);
  });
});

describe('mcgpu evaluate on a look-alike of BMCD, with two models', () => {
  it('measures segmentation on the red marks and compares the models on the same draws', async () => {
    const data = join(folder, 'bmcd');
    await makeBmcd(data);
    const { code, out, stdout } = await evaluate('two', '--dataset', 'bmcd', '--data', data, '--compare', other);
    expect(code).toBe(0);
    const { models, comparison } = readMetrics(out);
    expect(models.map(({ evaluation }) => [evaluation.images, evaluation.marked.marks, evaluation.pixels?.objects.marks])).toEqual([
      [12, 8, 8],
      [12, 8, 8],
    ]);
    expect(comparison.map(({ name }) => name)).toContain('B: sensitivity at 1 FP/image');
    for (const { first, second, difference } of comparison) expect(difference.value).toBeCloseTo(second - first, 5);
    expect(stdout).toMatch(/difference, present: AUC: -?\d/);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('paired bootstrap over the same patients');
    const same = await evaluate('same', '--dataset', 'bmcd', '--data', data, '--compare', model);
    expect([same.code, same.stderr]).toEqual([1, expect.stringMatching(/the same model as --model/) as string]);
  });
});

describe('mcgpu evaluate on a folder of one’s own', () => {
  const entry = (file: string, patient: string, more: object = {}): object => ({
    file,
    patient,
    marks: [{ circle: [40, 40, 1.5] }],
    ...more,
  });
  const annotate = (name: string, images: readonly object[]): string => {
    const data = join(folder, name);
    write(data, 'annotations.json', JSON.stringify({ schema: 'mcgpu.annotations/1', images }));
    for (const [i, file] of ['a.dcm', 'b.dcm'].entries()) write(data, file, dicom(i, [[40, 40]]));
    return data;
  };

  it('leaves out what cannot be read, says so and ends with code 1; with one class only there is no AUC', async () => {
    const data = annotate('broken', [entry('a.dcm', 'p'), entry('b.dcm', 'q'), entry('text.dcm', 'r')]);
    write(data, 'text.dcm', 'text');
    const { code, out, stdout, stderr } = await evaluate('broken-out', '--dataset', 'folder', '--data', data);
    expect(code).toBe(1);
    expect(readMetrics(out).models[0]).toMatchObject({
      evaluation: { images: 2 },
      failures: [{ id: 'text.dcm', error: expect.any(String) as string }],
    });
    expect(stderr).toMatch(/text.dcm: the content is no image.*left out/);
    expect(stdout).toMatch(/AUC microcalcifications present or not, by mcScore: undefined: one class only: 2 positive, 0 negative/);
  });

  it('measures a model of another spacing in the px of the images', async () => {
    const fine = write(folder, 'fine.safetensors', modelBytes(3, { change: { threshold: 0.7, pixelSpacingMm: 0.05 } }));
    const data = annotate('spacing', [entry('a.dcm', 'somebody'), entry('b.dcm', 'q', { marks: [] })]);
    const { code, out } = await evaluate('spacing-out', '--dataset', 'folder', '--data', data, '--model', fine);
    expect(code).toBe(0);
    const [made] = casesOf(out);
    expect(made).toMatchObject({ width: 96, height: 80, pixelSpacingMm: [0.1, 0.1], marks: [{ x: 40, y: 40 }] });
    expect(made?.detections.every(({ x, y }) => x <= 95 && y <= 79)).toBe(true);
    expect(everything(out)).not.toContain('somebody');
  });

  it('refuses a patient in two splits before anything runs', async () => {
    const data = annotate('shared', [entry('a.dcm', 'p', { split: 'test' }), entry('b.dcm', 'p', { split: 'select' })]);
    const { code, out, stderr } = await evaluate('shared-out', '--dataset', 'folder', '--data', data, '--split', 'test');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/of one patient but in the splits/) as string]);
    expect(existsSync(out)).toBe(false);
  });

  it('counts every look at a test set from the first locked one on', async () => {
    const data = annotate('locked', [entry('a.dcm', 'p'), entry('b.dcm', 'q', { marks: [] })]);
    const looks = async (out: string, ...argv: string[]): Promise<number | null> =>
      readMetrics((await evaluate(out, '--dataset', 'folder', '--data', data, ...argv)).out).data.looks;
    expect([await looks('l1'), await looks('l2', '--lock-test'), await looks('l3')]).toEqual([null, 1, 2]);
    expect(readFileSync(ledgerPath(data), 'utf8')).not.toContain('"p"');
  });

  it('an image without spacing is refused where marks are measured, and used with --pixel-spacing', async () => {
    const data = join(folder, 'plain');
    write(data, 'annotations.csv', 'file,patient,shape,coordinates\na.png,p,point,40 40\n');
    write(
      data,
      'a.png',
      await sharp(
        new Uint8Array(96 * 80).map((_, i) => (i * 7) % 200),
        { raw: { width: 96, height: 80, channels: 1 } },
      )
        .png()
        .toBuffer(),
    );
    const refused = await evaluate('plain-1', '--dataset', 'folder', '--data', data);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/none of the 1 images could be read.*no pixel spacing in the file.*--pixel-spacing/s) as string,
    ]);
    const { code, out } = await evaluate('plain-2', '--dataset', 'folder', '--data', data, '--pixel-spacing', '0.2');
    expect([code, casesOf(out)[0]?.pixelSpacingMm]).toEqual([0, [0.2, 0.2]]);
  });

  it.each([
    [['--dataset', 'other', '--data', '.'], 2, /Allowed choices are inbreast, bmcd, cbis-crops, folder/],
    [['--dataset', 'folder', '--data', '.', '--resume', '--overwrite'], 1, /expected one of them/],
    [['--dataset', 'inbreast', '--data', '/nowhere'], 1, /no such folder/],
  ] as const)('%j ends with code %d', async (argv, code, message) => {
    const result = await evaluate('wrong', ...argv);
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(message) as string]);
  });
});
