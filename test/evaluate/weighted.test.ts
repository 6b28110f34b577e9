// Weighted figures, as the bootstrap uses them, against the plain ones on sets in which images occur as often as their weight says.
import { describe, expect, test } from 'vitest';
import { frocCurve, frocEvents, ruleB, sensitivityAt, type FrocImage } from '../../src/evaluate/froc.js';
import { averagePrecision, rocAuc } from '../../src/evaluate/metrics.js';
import {
  afrocRanking,
  afrocScores,
  falsePositiveRate,
  sensitivityAtRate,
  sensitivityOf,
  type MatchedImages,
} from '../../src/evaluate/operating.js';
import { Ranking } from '../../src/evaluate/ranking.js';
import { Random } from '../../src/random.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { frocImages } from './golden-froc.js';

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);
const repeated = <T>(items: readonly T[], weights: ArrayLike<number>): T[] => items.flatMap((item, i) => Array<T>(weights[i]!).fill(item));

describe('Ranking', () => {
  const random = new Random(4);
  // Few levels, so that ties occur.
  const scores = Array.from({ length: 60 }, () => random.int(12) / 11);
  const labels = scores.map((s) => (random.next() < 0.2 + 0.5 * s ? 1 : 0));
  const weights = scores.map(() => random.int(4));

  test('with weights equals the plain area and average precision of repeated cases', () => {
    const ranking = new Ranking(scores, labels);
    expect(ranking.auc(weights)).toBeCloseTo(rocAuc(repeated(scores, weights), repeated(labels, weights)), 12);
    expect(ranking.averagePrecision(weights)).toBeCloseTo(averagePrecision(repeated(scores, weights), repeated(labels, weights)), 12);
  });

  test('takes the weight of the image that a score belongs to', () => {
    const owners = scores.map((_, i) => i % 7);
    const own = owners.map((o) => weights[o]!);
    expect(new Ranking(scores, labels, owners).auc(weights)).toBeCloseTo(new Ranking(scores, labels).auc(own), 12);
  });

  test('ties infinities, and is not a number with one class only', () => {
    expect(new Ranking([-Infinity, -Infinity, 1], [1, 0, 1]).auc(ones(3))).toBe(0.75);
    expect(new Ranking([1, 2], [1, 1]).auc(ones(2))).toBeNaN();
    expect(new Ranking([1, 2, 3], [1, 0, 0]).auc([0, 1, 1])).toBeNaN();
    expect(() => new Ranking([1], [1, 0])).toThrow(/1 scores but 2 labels/);
  });
});

/** Random marks and detections on a line, some detections beside marks. */
function randomImages(seed: number, count: number): FrocImage[] {
  const random = new Random(seed);
  const at = (x: number): { x: number; y: number; score: number } => ({ x, y: 0, score: random.int(30) / 29 });
  return Array.from({ length: count }, (_, i) => {
    const marks = Array.from({ length: i % 4 }, (_, k) => at(20 * k));
    const near = marks.filter(() => random.next() < 0.7).map(({ x }) => at(x + random.uniform(-1, 1)));
    const detections = [...near, ...Array.from({ length: random.int(4) }, () => at(1000 + random.uniform(0, 100)))];
    return { marks, detections, excused: detections.map(() => random.next() < 0.2) };
  });
}

const matched = (images: readonly FrocImage[], rule = ruleB(2)): MatchedImages => ({
  events: frocEvents(images, rule),
  marks: images.map(({ marks }) => marks.length),
  breastCm2: images.map((_, i) => 50 + i),
});

describe('free-response figures with weights equal those of repeated images', () => {
  const images = randomImages(7, 24);
  const random = new Random(8);
  const weights = Float64Array.from(images, () => random.int(3));
  const twice = repeated(images, weights);
  const one = matched(images);
  const perImage = images.map(() => 1);

  test.each([0, 0.1, 0.25, 0.5, 1, 2, 4])('sensitivity at %d false positives per image', (rate) => {
    expect(sensitivityAtRate(one, perImage, rate, weights)).toBeCloseTo(sensitivityAt(frocCurve(twice, ruleB(2)), rate), 12);
  });

  test.each([0.01, 0.02])('sensitivity at %d false positives per cm2 is that at as many in all', (rate) => {
    const total = repeated(one.breastCm2, weights).reduce((a, b) => a + b, 0);
    const perImageRate = (rate * total) / twice.length;
    expect(sensitivityAtRate(one, one.breastCm2, rate, weights)).toBeCloseTo(sensitivityAt(frocCurve(twice, ruleB(2)), perImageRate), 12);
  });

  test('sensitivity and false positives at a threshold', () => {
    const { threshold, sensitivity, fpPerImage } = frocCurve(twice, ruleB(2));
    for (const [i, t] of threshold.entries()) {
      const above = { ...one, events: one.events.filter(({ score }) => score >= t) };
      expect(sensitivityOf(above, weights)).toBeCloseTo(sensitivity[i]!, 12);
      expect(falsePositiveRate(above, perImage, weights)).toBeCloseTo(fpPerImage[i]!, 12);
    }
    expect(sensitivityOf({ ...one, events: [] }, weights)).toBe(0);
  });

  test('a detection excused in an area of unmarked objects is neither hit nor false positive', () => {
    const image: FrocImage = {
      marks: [{ x: 0, y: 0 }],
      detections: [
        { x: 0, y: 0, score: 1 },
        { x: 50, y: 0, score: 0.9 },
        { x: 90, y: 0, score: 0.8 },
      ],
    };
    const count = (excused?: boolean[]): number => frocEvents([{ ...image, ...(excused && { excused }) }], ruleB(2)).length;
    expect([count(), count([true, false, false]), count([true, true, false])]).toEqual([3, 3, 2]);
  });

  test('without marks there is no sensitivity', () => {
    expect(sensitivityAtRate(matched([{ marks: [], detections: [] }]), [1], 1, ones(1))).toBeNaN();
  });
});

describe('AFROC', () => {
  /** The definition: the share of (mark, image) pairs in which the mark scores above the image's highest false positive, ties half. */
  function figureOfMerit({ events, marks }: MatchedImages, normalOnly: boolean): number {
    const highest = marks.map((_, i) => Math.max(-Infinity, ...events.filter((e) => e.image === i && e.mark === null).map((e) => e.score)));
    const scores = marks.flatMap((n, i) =>
      Array.from({ length: n }, (_, m) => events.find((e) => e.image === i && e.mark === m)?.score ?? -Infinity),
    );
    const counted = highest.filter((_, i) => !normalOnly || marks[i] === 0);
    const wins = scores.flatMap((s) => counted.map((h): number => (s > h ? 1 : s === h ? 0.5 : 0)));
    return wins.reduce((a, b) => a + b, 0) / wins.length;
  }

  test('the area is the share of marks that score above false positives, over images without marks', () => {
    const own = matched(randomImages(9, 30));
    const scores = afrocScores(own);
    expect(scores.normalImagesOnly).toBe(true);
    expect(afrocRanking(scores).auc(ones(30))).toBeCloseTo(figureOfMerit(own, true), 12);
  });

  test('and over all images where each has marks', () => {
    const own = matched(randomImages(10, 30).filter(({ marks }) => marks.length > 0));
    const scores = afrocScores(own);
    expect(scores.normalImagesOnly).toBe(false);
    expect(afrocRanking(scores).auc(ones(30))).toBeCloseTo(figureOfMerit(own, false), 12);
  });
});

describeGolden('the weighted figures with weights of 1 equal the golden results', () => {
  test.each(listGolden('metrics', 'froc_'))('%s', (name) => {
    const golden = loadGolden(name);
    const { images } = frocImages(golden);
    const own = matched(images, ruleB(Number(golden.params.radius)));
    const at = Array.from(golden.f32('in.fp_queries'), (rate) =>
      sensitivityAtRate(
        own,
        images.map(() => 1),
        rate,
        ones(images.length),
      ),
    );
    golden.expectClose('out.sens_at_fp', at);
  });

  test.each(listGolden('metrics', 'roc_'))('%s', (name) => {
    const golden = loadGolden(name);
    const [scores, labels] = [golden.f32('in.score'), golden.ints('in.label')];
    const ranking = new Ranking(scores, labels);
    golden.expectClose('out.auc', [ranking.auc(ones(scores.length))]);
    if (golden.has('out.ap')) golden.expectClose('out.ap', [ranking.averagePrecision(ones(scores.length))]);
  });
});
