// The figures against scikit-learn's, where a Python with it is at hand (Debian: python3-sklearn).
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { brierScore, reliability } from '../../src/evaluate/calibration.js';
import { Ranking } from '../../src/evaluate/ranking.js';
import { Random } from '../../src/random.js';

const PYTHON = process.env.MCGPU_PYTHON ?? '/usr/bin/python3';

const SCRIPT = `
import json, sys
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
c = json.load(sys.stdin)
y, s, w = c['labels'], c['scores'], c['weights']
share, mean = calibration_curve(y, s, n_bins=10)
json.dump({'auc': roc_auc_score(y, s, sample_weight=w), 'ap': average_precision_score(y, s, sample_weight=w),
  'brier': brier_score_loss(y, s, sample_weight=w), 'share': list(share), 'mean': list(mean)}, sys.stdout)
`;

function hasSklearn(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import sklearn'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasSklearn())('scikit-learn (skipped where no Python has it) agrees on', () => {
  const random = new Random(11);
  const scores = Array.from({ length: 400 }, () => random.int(80) / 80 + 0.003);
  const labels = scores.map((s) => (random.next() < 0.1 + 0.7 * s ? 1 : 0));
  const weights = scores.map(() => random.int(4));
  const theirs = JSON.parse(
    execFileSync(PYTHON, ['-c', SCRIPT], { input: JSON.stringify({ scores, labels, weights }), encoding: 'utf8' }),
  ) as {
    auc: number;
    ap: number;
    brier: number;
    share: number[];
    mean: number[];
  };
  const ranking = new Ranking(scores, labels);

  it('the weighted area under the ROC curve', () => expect(ranking.auc(weights)).toBeCloseTo(theirs.auc, 12));
  it('the weighted average precision', () => expect(ranking.averagePrecision(weights)).toBeCloseTo(theirs.ap, 12));
  it('the weighted Brier score', () => expect(brierScore(scores, labels, weights)).toBeCloseTo(theirs.brier, 12));
  it('the reliability diagram', () => {
    const filled = reliability(scores, labels).filter(({ count }) => count > 0);
    expect(filled.map(({ positiveShare }) => positiveShare)).toEqual(theirs.share.map((v) => expect.closeTo(v, 12) as number));
    expect(filled.map(({ meanScore }) => meanScore)).toEqual(theirs.mean.map((v) => expect.closeTo(v, 12) as number));
  });
});
