import { describe, expect, test } from 'vitest';
import type { AnnotatedImage } from '../../src/data/sets/annotated-set.js';
import { sameForAll } from '../../src/detect/marking.js';
import type { CaseResult, EvaluatedCase } from '../../src/evaluate/case.js';
import { compareModels, evaluateCases, type EvaluationOptions } from '../../src/evaluate/evaluation.js';
import { imageExamples, objectExamples } from '../../src/evaluate/examples.js';
import { thinned, type Figure } from '../../src/evaluate/figures.js';
import { Random } from '../../src/random.js';

const OPTIONS: EvaluationOptions = { seed: 1, replicates: 50, thresholds: sameForAll(0.5), pixelThreshold: 0.5 };

type Parts = Partial<Omit<AnnotatedImage, 'marks'>> &
  Partial<Omit<CaseResult, 'marks' | 'detections'>> & {
    /** x in px, and diameter in mm or null; null: nobody marked. */
    readonly marks?: readonly (readonly [x: number, diameterMm: number | null])[] | null;
    readonly contrast?: number;
    readonly detections?: readonly (readonly [x: number, score: number])[];
  };

let made = 0;

/** An image of 0.1 mm px; all objects lie on one row. */
function oneCase({ marks = [], detections = [], ...parts }: Parts): EvaluatedCase {
  const id = parts.id ?? `image-${made++}`;
  const at = (x: number): { x: number; y: number; box: [number, number, number, number] } => ({ x, y: 5, box: [x - 1, 4, x + 1, 6] });
  const { patient = id, hasMcs = null, isMalignant = null, groups = {}, mcScore = 0.5, malignancyScore = 0.5 } = parts;
  return {
    image: { id, path: id, patient, split: null, pixelSpacingMm: null, hasMcs, isMalignant, marks: null, unmarked: [], groups },
    result: {
      id,
      sha256: '',
      width: 100,
      height: 10,
      pixelSpacingMm: [0.1, 0.1],
      breastCm2: 10,
      mcScore,
      malignancyScore,
      detections: detections.map(([x, score]) => ({ ...at(x), score, excused: false })),
      marks: marks?.map(([x, diameterMm]) => ({ ...at(x), diameterMm, contrast: parts.contrast ?? null })) ?? null,
      outside: 0,
      pixels: parts.pixels ?? null,
      objectIous: parts.objectIous ?? [],
      showable: parts.showable ?? true,
      vendor: parts.vendor ?? null,
      warnings: [],
    },
  };
}

const value = (figure: Figure | undefined): number | string =>
  figure === undefined ? 'absent' : 'value' in figure ? figure.value : figure.undefined;

describe('the evaluation of marked images', () => {
  // Spacing 0.1 mm: rule A reaches 3.5 px and where boxes overlap by 0.3, rule B 4.9 px.
  const cases = [
    oneCase({
      marks: [
        [20, 0.25],
        [60, 0.6],
      ],
      detections: [
        [24, 0.9],
        [61, 0.4],
        [90, 0.7],
      ],
      hasMcs: true,
    }),
    oneCase({ marks: [[30, null]], detections: [[30, 0.8]], hasMcs: true }),
    oneCase({ marks: [], detections: [[50, 0.6]], hasMcs: false }),
    oneCase({ marks: [], hasMcs: false }),
  ];
  const { evaluation } = evaluateCases(cases, OPTIONS);
  const [a, b] = evaluation.objects;

  test('counts images, normal ones, marks and area', () => {
    expect(evaluation.marked).toEqual({ images: 4, normal: 2, marks: 3, outside: 0, breastCm2: 40 });
  });

  test('gives sensitivities by both rules: 4 px from a mark is found by rule B only', () => {
    expect([a, b].map((rule) => value(rule?.atThreshold.sensitivity))).toEqual([expect.closeTo(1 / 3, 5), expect.closeTo(2 / 3, 5)]);
    expect([a, b].map((rule) => value(rule?.atThreshold.falsePositivesPerImage))).toEqual([0.75, 0.5]);
    expect(value(b?.atThreshold.falsePositivesPerCm2)).toBe(0.05);
    expect(b?.perImage.map(({ falsePositives, sensitivity }) => [falsePositives, value(sensitivity)])).toEqual([
      [0.25, expect.closeTo(2 / 3, 5)],
      [0.5, 1],
      [1, 1],
      [2, 1],
      [4, 1],
    ]);
    expect(b?.perCm2.map(({ falsePositives }) => falsePositives)).toEqual([0.1, 0.2, 0.4, 0.8]);
  });

  test('gives the AFROC over images without marks', () => {
    // Pairs of 3 marks (0.9, 0.4, 0.8) and 2 images (0.6, nothing): 5 of 6.
    expect(value(b?.afroc.area)).toBeCloseTo(5 / 6, 5);
    expect(b?.afroc.images).toBe('without marks');
  });

  test('gives sensitivity by diameter, single points in no band', () => {
    const bands = b?.bySize
      .filter(({ marks }) => marks > 0)
      .map(({ fromMm, toMm, marks, sensitivity }) => [fromMm, toMm, marks, value(sensitivity)]);
    expect(bands).toEqual([
      [0.2, 0.3, 1, 1],
      [0.5, 1, 1, 0],
    ]);
  });

  test('puts an interval around each figure', () => {
    expect(b?.perImage[2]?.sensitivity).toMatchObject({ low: expect.any(Number) as number, high: expect.any(Number) as number });
  });
});

describe('what lies in a group is marked from a lower score on', () => {
  const group = oneCase({
    marks: [
      [10, null],
      [30, null],
      [50, null],
    ],
    detections: [
      [10, 0.9],
      [30, 0.4],
      [50, 0.4],
      [80, 0.3],
    ],
    hasMcs: true,
  });
  const single = oneCase({
    marks: [[10, null]],
    detections: [
      [10, 0.4],
      [60, 0.4],
    ],
    hasMcs: true,
  });
  const [all, grouped] = [sameForAll(0.5), { threshold: 0.5, groupThreshold: 0.35 }].map(
    (thresholds) => evaluateCases([group, single], { ...OPTIONS, thresholds }).evaluation.objects[1],
  );

  test('at the threshold: three of four marks instead of one, and no more false positives', () => {
    expect([all, grouped].map((rule) => value(rule?.atThreshold.sensitivity))).toEqual([0.25, 0.75]);
    expect([all, grouped].map((rule) => value(rule?.atThreshold.falsePositivesPerImage))).toEqual([0, 0]);
  });

  test('on the curves nothing changes: they are of scores alone', () => {
    expect(grouped?.perImage).toEqual(all?.perImage);
    expect(grouped?.froc).toEqual(all?.froc);
  });

  test('a mark found only thanks to its group is no miss', () => {
    const { misses, falseAlarms } = objectExamples([group, single], { threshold: 0.5, groupThreshold: 0.35 });
    expect(misses.map(({ id, at }) => [id, at?.x])).toEqual([[single.image.id, 10]]);
    expect(falseAlarms).toEqual([]);
  });
});

describe('undefined figures say why', () => {
  test('one class only: no AUC of one half', () => {
    const { evaluation } = evaluateCases(
      [oneCase({ hasMcs: true, isMalignant: true }), oneCase({ hasMcs: true, isMalignant: true })],
      OPTIONS,
    );
    expect(value(evaluation.present.auc)).toBe('one class only: 2 positive, 0 negative');
    expect(value(evaluation.present.averagePrecision)).toBe('one class only: 2 positive, 0 negative');
    expect(evaluation.present.roc).toEqual({ x: [], y: [] });
  });

  test('no positives: no sensitivity', () => {
    const { evaluation } = evaluateCases([oneCase({ hasMcs: false, detections: [[3, 0.9]] })], OPTIONS);
    expect(value(evaluation.objects[1]?.atThreshold.sensitivity)).toBe('no microcalcification is marked');
    expect(value(evaluation.objects[1]?.atThreshold.falsePositivesPerImage)).toBe(1);
  });

  test('no marks of single objects: no objects at all', () => {
    const { evaluation } = evaluateCases([oneCase({ marks: null, hasMcs: true }), oneCase({ marks: null, hasMcs: false })], OPTIONS);
    expect(evaluation).toMatchObject({ objects: [], pixels: null, marked: { images: 0 } });
  });

  test('images known as wholes only bring neither marks nor false positives', () => {
    const labelled = oneCase({ marks: null, detections: [[5, 0.9]], hasMcs: true });
    const { evaluation } = evaluateCases([labelled, oneCase({ marks: [[9, null]], detections: [[9, 0.8]] })], OPTIONS);
    expect(value(evaluation.objects[1]?.atThreshold.falsePositivesPerImage)).toBe(0);
    expect(evaluation.marked.breastCm2).toBe(10);
  });
});

describe('whole images', () => {
  const random = new Random(2);
  const cases = Array.from({ length: 80 }, (_, i) => {
    const [hasMcs, isMalignant] = [i % 4 !== 0, i % 4 === 1];
    const groups = hasMcs ? { areaQuintile: String(1 + (i % 5)), biopsied: i % 3 ? 'yes' : 'no', type: i < 60 ? 'round' : 'rare' } : {};
    const at = (is: boolean): number => Math.min(1, Math.max(0, random.normal(is ? 0.6 : 0.4, 0.15)));
    return oneCase({
      marks: null,
      hasMcs,
      isMalignant,
      groups: { view: i % 2 ? 'CC' : 'MLO', ...groups },
      mcScore: at(hasMcs),
      malignancyScore: at(isMalignant),
    });
  });
  const { evaluation } = evaluateCases(cases, OPTIONS);

  test('malignancy is asked of images with microcalcifications', () => {
    expect([evaluation.present, evaluation.malignant].map(({ positives, negatives }) => [positives, negatives])).toEqual([
      [60, 20],
      [20, 40],
    ]);
  });

  test('malignancy within quintiles of area is the mean over quintiles; biopsied images are asked alone', () => {
    const auc = (own: readonly EvaluatedCase[]): number => Number(value(evaluateCases(own, OPTIONS).evaluation.malignant.auc));
    const within = ['1', '2', '3', '4', '5'].map((q) => auc(cases.filter(({ image }) => image.groups.areaQuintile === q)));
    expect(value(evaluation.malignantWithinAreaQuintiles ?? undefined)).toBeCloseTo(
      within.reduce((sum, v) => sum + v / 5, 0),
      4,
    );
    const biopsied = cases.filter(({ image }) => image.groups.biopsied === 'yes');
    expect(value(evaluation.malignantBiopsied?.auc)).toBeCloseTo(auc(biopsied), 6);
    expect(Number(evaluation.malignantBiopsied?.positives) + Number(evaluation.malignantBiopsied?.negatives)).toBe(biopsied.length);
  });

  test('sub-groups of fewer than 30 images are pooled; a type of calcification is set against all images without', () => {
    const of = (attribute: string): (readonly [string, number, readonly string[]])[] =>
      evaluation.subGroups.filter((g) => g.attribute === attribute).map((g) => [g.group, g.images, g.pooled]);
    expect(of('view')).toEqual([
      ['CC', 40, []],
      ['MLO', 40, []],
    ]);
    expect(of('type')).toEqual([
      ['round', 45, []],
      ['others', 15, ['rare']],
    ]);
    const round = cases.filter(({ image }) => image.groups.type === 'round' || !image.hasMcs);
    const own = evaluation.subGroups.find(({ group }) => group === 'round');
    expect(value(own?.present)).toBe(value(evaluateCases(round, OPTIONS).evaluation.present.auc));
  });

  test('two models are compared over the same draws, figure by figure', () => {
    const better = cases.map(({ image, result }) => ({ image, result: { ...result, mcScore: image.hasMcs ? 0.9 : 0.1 } }));
    const rows = compareModels(evaluateCases(cases, OPTIONS).book, evaluateCases(better, OPTIONS).book);
    const row = rows.find(({ name }) => name === 'present: AUC');
    expect(row?.second).toBe(1);
    expect(row?.difference.value).toBeCloseTo(1 - Number(value(evaluation.present.auc)), 5);
    expect(row?.difference.low).toBeGreaterThan(0);
    expect(rows.find(({ name }) => name === 'malignant: AUC')?.difference).toEqual({ value: 0, low: 0, high: 0, p: 1 });
    expect(rows.every(({ name }) => !/view|type/.test(name))).toBe(true);
  });
});

test('segmentation sums pixels over images before it divides, and says how many were left out', () => {
  const cases = [
    oneCase({ marks: [[5, 0.3]], pixels: { tp: 1, fp: 1, fn: 0, tn: 98 }, objectIous: [0.5] }),
    oneCase({ marks: [[5, 0.3]], pixels: { tp: 0, fp: 0, fn: 2, tn: 98 }, objectIous: [0] }),
    oneCase({ marks: [[5, null]] }),
  ];
  const { pixels } = evaluateCases(cases, OPTIONS).evaluation;
  expect(pixels).toMatchObject({ images: 2, leftOut: 1, objects: { marks: 2, touched: 1 } });
  const [precision, recall, dice, iou] = [pixels?.precision, pixels?.recall, pixels?.dice, pixels?.iou].map(value);
  expect([precision, recall, dice, iou]).toEqual([0.5, expect.closeTo(1 / 3, 5), 0.4, 0.25]);
  expect([pixels?.objects.iou, pixels?.objects.iouOfTouched].map(value)).toEqual([0.25, 0.5]);
});

describe('examples to look at', () => {
  test('misses begin with what nothing was found at, the largest first; false alarms with the highest score; two of an image at most', () => {
    const cases = [
      oneCase({
        id: 'a',
        marks: [
          [10, 0.2],
          [30, 0.4],
          [50, 0.3],
          [70, null],
        ],
        detections: [[70, 0.9]],
      }),
      oneCase({
        id: 'b',
        marks: [[10, 0.9]],
        detections: [
          [10, 0.3],
          [40, 0.95],
          [60, 0.7],
          [80, 0.2],
        ],
      }),
      oneCase({ id: 'c', marks: [[10, 0.9]], detections: [[40, 1]], showable: false }),
    ];
    const { misses, falseAlarms } = objectExamples(cases, sameForAll(0.5));
    expect(misses.map(({ id, at, caption }) => [id, at?.x, caption])).toEqual([
      ['a', 30, '0.40 mm, nothing found'],
      ['a', 50, '0.30 mm, nothing found'],
      ['b', 10, '0.90 mm, score 0.300'],
    ]);
    expect(falseAlarms.map(({ id, at }) => [id, at?.x])).toEqual([
      ['b', 40],
      ['b', 60],
    ]);
  });

  test('of whole images: those with microcalcifications and the lowest score, those without and the highest', () => {
    const cases = [
      [true, 0.9],
      [true, 0.1],
      [false, 0.2],
      [false, 0.8],
      [null, 1],
    ] as const;
    const { misses, falseAlarms } = imageExamples(cases.map(([hasMcs, mcScore]) => oneCase({ marks: null, hasMcs, mcScore })));
    expect([misses, falseAlarms].map((examples) => examples.map(({ caption }) => caption))).toEqual([
      ['mcScore 0.100', 'mcScore 0.900'],
      ['mcScore 0.800', 'mcScore 0.200'],
    ]);
  });
});

test('thinned keeps the ends of a curve', () => {
  const points = Array.from({ length: 1000 }, (_, i) => i);
  expect([thinned(points, 10)[0], thinned(points, 10).at(-1), thinned(points, 10).length]).toEqual([0, 999, 10]);
  expect(thinned([1, 2], 10)).toEqual([1, 2]);
});

describe('drawn microcalcifications', () => {
  const drawn = (x: number, diameterMm: number, contrast: number, score: number | null): EvaluatedCase =>
    oneCase({ marks: [[x, diameterMm]], contrast, detections: score === null ? [] : [[x, score]] });
  const cases = [
    drawn(20, 0.25, 0.12, 0.9),
    drawn(20, 0.25, 0.12, null),
    drawn(20, 0.29, 0.1, 0.8),
    drawn(20, 1.4, 0.5, 0.7),
    drawn(20, 0.1, 0.02, 0.1),
    oneCase({
      marks: [],
      detections: [
        [20, 0.6],
        [40, 0.5],
        [60, 0.4],
        [80, 0.35],
        [90, 0.3],
        [95, 0.2],
      ],
    }),
  ];

  test('give a surface of sensitivity over diameter and contrast, at one false positive per image', () => {
    const { surface } = evaluateCases(cases, OPTIONS).evaluation;
    expect(surface?.cells.map(({ diameterMm, contrast, marks, sensitivity }) => [diameterMm, contrast, marks, value(sensitivity)])).toEqual(
      [
        [0, 0, 1, 1],
        [0.2, 0.1, 3, expect.closeTo(2 / 3, 5)],
        [1, 0.32, 1, 1],
      ],
    );
    const strict = evaluateCases(
      [...cases.slice(0, 5), oneCase({ detections: Array.from({ length: 9 }, (_, i) => [10 * i, 0.5] as const) })],
      OPTIONS,
    );
    expect(strict.evaluation.surface?.cells[0]).toMatchObject({ diameterMm: 0, sensitivity: { value: 0 } });
  });

  test('are a matter of sets whose contrasts are known', () => {
    expect(evaluateCases([oneCase({ marks: [[5, 0.3]] })], OPTIONS).evaluation.surface).toBeNull();
  });
});
