import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/detect/candidates.js';
import { outputNames, writeFindings } from '../../src/detect/findings.node.js';
import { buildFindings, buildImageFindings, findingsSchema, NOTICE, type DetectedImage } from '../../src/detect/findings.js';
import { sameForAll } from '../../src/detect/marking.js';
import { UserError } from '../../src/errors.js';

const candidate = (x: number, y: number, score: number, more: Partial<Candidate> = {}): Candidate => ({
  x,
  y,
  box: [x - 0.5, y - 0.5, x + 0.5, y + 0.5],
  diameterMm: 0.2,
  score,
  malignancy: 0.25,
  class: 'benign-like',
  ...more,
});

const detected = (more: Partial<DetectedImage> = {}): DetectedImage => ({
  file: 'a.png',
  width: 200,
  height: 400,
  pixelSpacingMm: [0.05, 0.1],
  scale: [2, 1],
  candidates: [],
  scores: { mcScore: 0.5, malignancyScore: 0.25 },
  warnings: [],
  ...more,
});

const run = (images: DetectedImage[]) =>
  buildFindings({
    model: { name: 'test' },
    threshold: 0.5,
    groupThreshold: 0.5,
    minScore: 0.01,
    images: images.map((i) => buildImageFindings(i, sameForAll(0.5))),
    failures: [],
  });

describe('buildImageFindings', () => {
  test('coordinates go to the original grid with half-pixel centres, each axis by its own scale', () => {
    const [finding] = buildImageFindings(detected({ candidates: [candidate(10, 20, 0.9)] }), sameForAll(0.5)).findings;
    // Working row 20 covers original rows 40 and 41: its centre is 40.5, its edges are 39.5 and 41.5.
    expect(finding).toEqual({
      x: 10,
      y: 40.5,
      box: [9.5, 39.5, 10.5, 41.5],
      diameterMm: 0.2,
      score: 0.9,
      malignancy: 0.25,
      class: 'benign-like',
      marked: true,
    });
  });

  test('a finding at the border stays inside the image', () => {
    const finding = (x: number, y: number, scale: [number, number]) =>
      buildImageFindings(detected({ candidates: [candidate(x, y, 0.9)], scale }), sameForAll(0.5)).findings[0];
    expect(finding(0, 0, [0.5, 0.5])).toMatchObject({ x: 0, y: 0, box: [0, 0, 0, 0] });
    expect(finding(199, 199, [2, 1])).toMatchObject({ x: 199, y: 398.5, box: [198.5, 397.5, 199, 399] });
  });

  test('marked = score >= threshold on the score as written; the others are listed too', () => {
    const candidates = [candidate(1, 1, 0.7), candidate(9, 9, 0.5 - 1e-9), candidate(20, 20, 0.499), candidate(30, 30, 0.01)];
    const { findings } = buildImageFindings(detected({ candidates }), sameForAll(0.5));
    expect(findings.map((f) => [f.score, f.marked])).toEqual([
      [0.7, true],
      [0.5, true],
      [0.499, false],
      [0.01, false],
    ]);
  });

  test('of scores at the top of a sigmoid only those that reach the threshold are marked', () => {
    const below = Math.fround(1 - 2 ** -24);
    const { findings } = buildImageFindings(detected({ candidates: [candidate(1, 1, 1), candidate(9, 9, below)] }), sameForAll(1));
    expect(findings.map(({ marked }) => marked)).toEqual([true, false]);
  });

  test('clusters are formed in millimetres of the original image and point at the findings', () => {
    const candidates = [candidate(10, 10, 0.9), candidate(60, 10, 0.2), candidate(10, 60, 0.8), candidate(60, 60, 0.7)];
    const { clusters } = buildImageFindings(detected({ candidates, scale: [2, 1] }), sameForAll(0.5));
    expect(clusters).toHaveLength(1);
    expect(clusters[0]).toMatchObject({ members: [0, 2, 3], score: 0.7, box: [9.5, 19.5, 60.5, 121.5], widthMm: 5.1, heightMm: 5.1 });
  });
});

describe('buildFindings', () => {
  test('has exactly the fields of the contract, in its order', () => {
    const file = run([detected({ candidates: [candidate(1, 1, 0.9), candidate(9, 1, 0.9), candidate(1, 9, 0.9)] })]);
    expect(Object.keys(file)).toEqual(['schema', 'notice', 'model', 'threshold', 'groupThreshold', 'minScore', 'images', 'failures']);
    const [image] = file.images;
    const fields = 'file width height pixelSpacingMm mcScore malignancyScore findings clusters warnings';
    expect(Object.keys(image ?? {}).join(' ')).toBe(fields);
    expect(Object.keys(image?.findings[0] ?? {}).join(' ')).toBe('x y box diameterMm score malignancy class marked');
    expect(Object.keys(image?.clusters[0] ?? {}).join(' ')).toBe('x y box widthMm heightMm members score malignancy');
    expect(file.notice).toBe(NOTICE);
  });

  test('NaN and unknown fields are refused', () => {
    expect(() => run([detected({ candidates: [candidate(NaN, 1, 0.9)] })])).toThrow();
    expect(() => run([detected({ scores: { mcScore: NaN, malignancyScore: 0 } })])).toThrow();
    expect(findingsSchema.safeParse({ ...run([]), patient: 'x' }).success).toBe(false);
  });
});

describe('outputNames', () => {
  test.each([
    [3, 'scans/left cc.dcm', '3-left_cc-overlay.png'],
    [1, 'C:\\scans\\A.PNG', '1-A-overlay.png'],
    [1, '../../etc/passwd', '1-passwd-overlay.png'],
    [2, '..', '2-image-overlay.png'],
    [2, 'folder/', '2-folder-overlay.png'],
    [7, 'Ärzte & Söhne;rm -rf.tiff', '7-rzte_S_hne_rm_-rf-overlay.png'],
    [8, '1.2.840.113619', '8-1.2.840.113619-overlay.png'],
    [8, 'IM.0001', '8-IM.0001-overlay.png'],
    [9, '', '9-image-overlay.png'],
  ])('image %i %j gives %s', (n, file, name) => {
    expect(outputNames(n, file).overlay).toBe(name);
  });

  test('maps are named after their channel, and long names are cut', () => {
    expect(outputNames(1, 'a.png')).toMatchObject({ benignLike: '1-a-benign-like.png', malignantLike: '1-a-malignant-like.png' });
    expect(outputNames(1, 'x'.repeat(400)).malignantLike.length).toBeLessThan(120);
  });
});

describe('writeFindings', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-findings-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('what is written reads back the same, and nothing else lies beside it', async () => {
    const file = run([detected({ candidates: [candidate(5, 5, 0.3)], warnings: ['w'] })]);
    await writeFindings(join(folder, 'findings.json'), file);
    expect(readdirSync(folder)).toEqual(['findings.json']);
    expect(findingsSchema.parse(JSON.parse(readFileSync(join(folder, 'findings.json'), 'utf8')))).toEqual(file);
  });

  test('a folder that is not there is an error with the path', async () => {
    await expect(writeFindings(join(folder, 'none', 'findings.json'), run([]))).rejects.toThrow(UserError);
  });
});
