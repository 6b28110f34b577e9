import { expect, test } from 'vitest';
import { frocCurve, ruleB, sensitivityAt } from '../../src/evaluate/froc.js';
import {
  averagePrecision,
  classFigures,
  confusionMatrix,
  countOverlap,
  countsAt,
  overlap,
  poolCounts,
  prCurve,
  rocAuc,
  rocCurve,
  type Counts,
  type Overlap,
} from '../../src/evaluate/metrics.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { frocImages } from './golden-froc.js';

const countsRow = ({ tp, fp, fn, tn }: Counts): number[] => [tp, fp, fn, tn];
const ratioRow = ({ precision, recall, dice, iou }: Overlap): number[] => [precision, recall, dice, iou];

describeGolden('FROC equals the golden results (rule B)', () => {
  test.each(listGolden('metrics', 'froc_'))('%s', (name) => {
    const golden = loadGolden(name);
    const { images, candidates, marks } = frocImages(golden);
    const rule = ruleB(Number(golden.params.radius));
    const total = golden.shape('in.candidates')[0] ?? 0;
    const [label, duplicate, match] = [0, 0, -1].map((empty) => new Array<number>(total).fill(empty)) as [number[], number[], number[]];
    images.forEach((image, n) => {
      rule(image).forEach((m, k) => {
        const i = candidates[n]?.[k] ?? -1;
        label[i] = m.mark === null ? 0 : 1;
        duplicate[i] = m.duplicate ? 1 : 0;
        match[i] = m.mark === null ? -1 : (marks[n]?.[m.mark] ?? -2);
      });
    });
    golden.expectClose('out.label', label);
    golden.expectClose('out.duplicate', duplicate);
    golden.expectClose('out.match', match);
    const curve = frocCurve(images, rule);
    golden.expectClose('out.threshold', curve.threshold);
    golden.expectClose('out.sensitivity', curve.sensitivity);
    golden.expectClose('out.fp_per_image', curve.fpPerImage);
    golden.expectClose(
      'out.sens_at_fp',
      Array.from(golden.f32('in.fp_queries'), (q) => sensitivityAt(curve, q)),
    );
  });
});

describeGolden('ROC and precision-recall equal scikit-learn', () => {
  test.each(listGolden('metrics', 'roc_'))('%s', (name) => {
    const golden = loadGolden(name);
    const [score, label] = [golden.f32('in.score'), golden.ints('in.label')];
    golden.expectClose('out.auc', [rocAuc(score, label)]);
    golden.expectClose(
      'out.confusion',
      [...golden.f32('in.threshold')].flatMap((t) => countsRow(countsAt(score, label, t))),
    );
    if (!golden.has('out.roc_fpr')) return;
    const roc = rocCurve(score, label);
    golden.expectClose('out.roc_threshold', roc.threshold);
    golden.expectClose('out.roc_fpr', roc.falsePositiveRate);
    golden.expectClose('out.roc_tpr', roc.truePositiveRate);
    const pr = prCurve(score, label);
    golden.expectClose('out.pr_threshold', pr.threshold);
    golden.expectClose('out.pr_precision', pr.precision);
    golden.expectClose('out.pr_recall', pr.recall);
    golden.expectClose('out.ap', [averagePrecision(score, label)]);
  });
});

describeGolden('mask overlap equals scikit-learn', () => {
  test.each(listGolden('metrics', 'masks_'))('%s', (name) => {
    const golden = loadGolden(name);
    const [n = 0, h = 0, w = 0] = golden.shape('in.pred');
    const [pred, truth] = [golden.ints('in.pred'), golden.ints('in.truth')];
    const image = (mask: number[], i: number): number[] => mask.slice(i * h * w, (i + 1) * h * w);
    const counts = Array.from({ length: n }, (_, i) => countOverlap(image(pred, i), image(truth, i)));
    golden.expectClose('out.counts', counts.flatMap(countsRow));
    golden.expectClose(
      'out.ratios',
      counts.flatMap((c) => ratioRow(overlap(c))),
    );
    golden.expectClose('out.pooled_counts', countsRow(poolCounts(counts)));
    golden.expectClose('out.pooled_ratios', ratioRow(overlap(poolCounts(counts))));
  });
});

describeGolden('the confusion matrix equals scikit-learn', () => {
  test.each(listGolden('metrics', 'confusion_'))('%s', (name) => {
    const golden = loadGolden(name);
    const matrix = confusionMatrix(golden.ints('in.truth'), golden.ints('in.pred'), Number(golden.params.classes));
    const { accuracy, balancedAccuracy, macroF1 } = classFigures(matrix);
    golden.expectClose('out.matrix', matrix.flat());
    golden.expectClose('out.accuracy', [accuracy]);
    golden.expectClose('out.balanced_accuracy', [balancedAccuracy]);
    golden.expectClose('out.macro_f1', [macroF1]);
  });
});

test('the kinds of golden metrics are all compared here', () => {
  const known = /^metrics\/(froc|roc|masks|confusion)_/;
  expect(listGolden('metrics').filter((name) => !known.test(name))).toEqual([]);
});
