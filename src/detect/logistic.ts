import { sigmoid, softplus } from '../kernels/reference/logistic.js';

/** P(y = 1) = 1 / (1 + exp(-(bias + weights . x))). */
export interface LogisticModel {
  readonly bias: number;
  readonly weights: readonly number[];
}

/** Newton's method is at its end within a few steps; more are taken only where classes are nearly separable. */
const MOST_STEPS = 50;
const TOLERANCE = 1e-9;

/**
 * Logistic regression by Newton's method (iteratively reweighted least squares), in float64.
 *
 * @param rows features of each example
 * @param labels 0 or 1
 * @param ridge penalty ridge/2 |weights|^2 added to the sum of the log losses; keeps separable examples finite; the bias is free
 * @throws RangeError without examples of both labels
 */
export function fitLogistic(rows: readonly (readonly number[])[], labels: readonly number[], ridge: number): LogisticModel {
  const positives = labels.reduce((sum, y) => sum + y, 0);
  if (positives === 0 || positives === labels.length || rows.length !== labels.length)
    throw new RangeError(`fitLogistic: ${positives} of ${labels.length} labels are 1 for ${rows.length} rows, expected some of each.`);
  const width = (rows[0]?.length ?? 0) + 1;
  let beta = new Float64Array(width);
  beta[0] = Math.log(positives / (labels.length - positives));
  let loss = penalisedLoss(rows, labels, beta, ridge);
  for (let step = 0; step < MOST_STEPS; step++) {
    const change = newtonStep(rows, labels, beta, ridge);
    // A whole step may overshoot far from the solution: half of it then, and half again.
    for (let part = 1; part > LEAST_PART; part /= 2) {
      const next = beta.map((b, i) => b + part * (change[i] ?? 0));
      const nextLoss = penalisedLoss(rows, labels, next, ridge);
      if (nextLoss > loss) continue;
      [beta, loss] = [next, nextLoss];
      break;
    }
    if (change.every((d) => Math.abs(d) < TOLERANCE)) break;
  }
  const [bias = 0, ...weights] = beta;
  return { bias, weights };
}

export function logisticLogit({ bias, weights }: LogisticModel, row: readonly number[]): number {
  return weights.reduce((sum, w, i) => sum + w * (row[i] ?? 0), bias);
}

const LEAST_PART = 1e-6;

/** Sum of the log losses and the penalty. */
function penalisedLoss(rows: readonly (readonly number[])[], labels: readonly number[], beta: Float64Array, ridge: number): number {
  const [bias = 0, ...weights] = beta;
  const penalty = (ridge / 2) * weights.reduce((sum, w) => sum + w * w, 0);
  return rows.reduce((sum, row, k) => {
    const logit = logisticLogit({ bias, weights }, row);
    return sum + softplus(logit) - (labels[k] ?? 0) * logit;
  }, penalty);
}

function newtonStep(rows: readonly (readonly number[])[], labels: readonly number[], beta: Float64Array, ridge: number): Float64Array {
  const n = beta.length;
  const hessian = Array.from({ length: n }, () => new Float64Array(n));
  const gradient = new Float64Array(n);
  for (const [k, row] of rows.entries()) {
    const x = [1, ...row];
    const p = sigmoid(x.reduce((sum, v, i) => sum + v * (beta[i] ?? 0), 0));
    for (let i = 0; i < n; i++) {
      gradient[i]! += (labels[k]! - p) * x[i]!;
      for (let j = 0; j < n; j++) hessian[i]![j]! += p * (1 - p) * x[i]! * x[j]!;
    }
  }
  for (let i = 1; i < n; i++) {
    gradient[i]! -= ridge * beta[i]!;
    hessian[i]![i]! += ridge;
  }
  return solve(hessian, gradient);
}

/** Gaussian elimination with pivoting, in place. */
function solve(matrix: Float64Array[], right: Float64Array): Float64Array {
  const n = right.length;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(matrix[r]![c]!) > Math.abs(matrix[pivot]![c]!)) pivot = r;
    [matrix[c], matrix[pivot]] = [matrix[pivot]!, matrix[c]!];
    [right[c], right[pivot]] = [right[pivot]!, right[c]!];
    const top = matrix[c]![c]! || Number.MIN_VALUE;
    for (let r = c + 1; r < n; r++) {
      const factor = matrix[r]![c]! / top;
      for (let k = c; k < n; k++) matrix[r]![k]! -= factor * matrix[c]![k]!;
      right[r]! -= factor * right[c]!;
    }
  }
  const out = new Float64Array(n);
  for (let r = n - 1; r >= 0; r--) {
    let sum = right[r]!;
    for (let k = r + 1; k < n; k++) sum -= matrix[r]![k]! * out[k]!;
    out[r] = sum / (matrix[r]![r]! || Number.MIN_VALUE);
  }
  return out;
}
