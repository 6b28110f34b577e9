import { describe, expect, test } from 'vitest';
import type { Mammogram } from '../../src/data/mammogram.js';
import type { AnnotatedImage } from '../../src/data/sets/annotated-set.js';
import type { Shape } from '../../src/data/shapes.js';
import type { DetectedMammogram } from '../../src/detect/detector.js';
import { caseSchema, frocImageOf } from '../../src/evaluate/case.js';
import { makeCase, objectIous, pixelCounts } from '../../src/evaluate/make-case.js';

const box = (x0: number, y0: number, x1: number, y1: number): Shape => ({ kind: 'box', edges: [x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5] });

/** 1 on the given pixels, rows of text. */
const mask = (...rows: string[]): Uint8Array => Uint8Array.from(rows.join(''), (c) => (c === '#' ? 1 : 0));

describe('segmentation', () => {
  const segmented = mask('##....', '##..#.', '......', '#....#');

  test('counts pixels of marks that were found, missed and made up', () => {
    expect(pixelCounts(segmented, [box(0, 0, 0, 1), box(4, 1, 5, 1)], [], 6, 4)).toEqual({ tp: 3, fp: 4, fn: 1, tn: 16 });
  });

  test('leaves areas of unmarked objects out, but not the marks in them', () => {
    expect(pixelCounts(segmented, [box(4, 1, 5, 1)], [box(3, 0, 5, 3)], 6, 4)).toEqual({ tp: 1, fp: 5, fn: 1, tn: 7 });
  });

  test('an object’s IoU is with all pieces that touch it, 0 where none does', () => {
    expect(objectIous(segmented, [box(0, 0, 0, 1), box(4, 1, 5, 3), box(2, 3, 3, 3)], 6, 4)).toEqual([0.5, 2 / 6, 0]);
    expect(objectIous(segmented, [], 6, 4)).toEqual([]);
  });
});

describe('a case', () => {
  const image = (marks: AnnotatedImage['marks'], unmarked: readonly Shape[] = []): AnnotatedImage => ({
    id: 'a',
    path: '/a',
    patient: 'p',
    split: null,
    pixelSpacingMm: null,
    hasMcs: true,
    isMalignant: null,
    marks,
    unmarked,
    groups: {},
  });
  // Original 8x4 px of 0.05 x 0.1 mm (row, column); the model's grid is 0.1 mm: 8 columns, 2 rows.
  const mammogram: Mammogram = {
    image: { width: 8, height: 4, data: new Float32Array(32) },
    pixelSpacingMm: [0.05, 0.1],
    bitDepth: 8,
    laterality: null,
    viewPosition: null,
    intensityDomain: 'unknown',
    burnedIn: true,
    warnings: [],
  };
  const probability = Float32Array.from({ length: 16 }, (_, i) => (i === 2 ? 0.9 : 0));
  const detected: DetectedMammogram = {
    found: {
      file: 'a',
      width: 8,
      height: 4,
      pixelSpacingMm: [0.05, 0.1],
      mcScore: 0.7,
      malignancyScore: 0.2,
      findings: [{ x: 2, y: 0.5, box: [1, 0, 3, 1], diameterMm: 0.1, score: 0.9, malignancy: 0, class: 'benign-like', marked: true }],
      clusters: [],
      warnings: ['careful'],
    },
    maps: { width: 8, height: 2, benignLike: probability, malignantLike: new Float32Array(16) },
    breast: Uint8Array.from({ length: 16 }, (_, i) => (i < 10 ? 1 : 0)),
    scale: [2, 1],
  };
  const settings = { sha256: 'x', workingMm: 0.1, pixelThreshold: 0.5 };
  const make = (one: AnnotatedImage): ReturnType<typeof makeCase> => caseSchema.parse(makeCase(one, mammogram, detected, settings));

  test('measures marks in mm, area of the breast in cm2, and rows and columns by their own spacing', () => {
    const made = make(image([box(2, 0, 2, 1), box(100, 100, 101, 101)]));
    expect(made).toMatchObject({
      breastCm2: expect.closeTo(10 * 0.01 * 0.01) as number,
      outside: 1,
      showable: false,
      warnings: ['careful'],
    });
    expect(made.marks).toEqual([
      { x: 2, y: 0.5, box: [1.5, -0.5, 2.5, 1.5], diameterMm: expect.closeTo(2 * Math.sqrt(0.01 / Math.PI)) as number, contrast: null },
    ]);
    expect(frocImageOf(made).marks[0]).toMatchObject({ x: 0.2, y: 0.025 });
  });

  test('segments on the image’s own grid', () => {
    // The probability 0.9 of one working pixel reaches 0.5 on both of its rows, and half way (0.675, 0.225) to the next.
    expect(make(image([box(2, 0, 2, 1)]))).toMatchObject({ pixels: { tp: 2, fp: 0, fn: 0 }, objectIous: [1] });
  });

  test('gives no pixel figures where a mark is a single point, IoUs of the other marks all the same, and no marks where nobody marked', () => {
    expect(make(image([box(2, 0, 2, 1), { kind: 'point', at: [5, 2] }]))).toMatchObject({
      pixels: null,
      objectIous: [1],
      marks: [{}, { diameterMm: null }],
    });
    expect(make(image(null))).toMatchObject({ marks: null, pixels: null });
  });

  test('excuses findings in areas of unmarked objects', () => {
    expect(make(image([], [box(0, 0, 3, 3)])).detections[0]?.excused).toBe(true);
    expect(make(image([], [box(5, 0, 7, 3)])).detections[0]?.excused).toBe(false);
  });
});
