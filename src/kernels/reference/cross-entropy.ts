export interface CrossEntropyInputs {
  /** Logits are [N, C, P]. */
  readonly classes: number;
  readonly plane: number;
  /** Class indices [N, P], or probabilities [N, C, P]. */
  readonly target: ArrayLike<number>;
  readonly probabilities: boolean;
  /** [C] */
  readonly weight?: ArrayLike<number> | undefined;
  /** [N, P] */
  readonly mask?: ArrayLike<number> | undefined;
  readonly smoothing: number;
  readonly ignored: number;
}

interface Row {
  /** Index of the row's logits, by class. */
  readonly at: readonly number[];
  readonly mask: number;
  /** w[c] ((1 - s) t[c] + s / C) */
  readonly shares: readonly number[];
  readonly divisor: number;
}

function rowsOf(size: number, s: CrossEntropyInputs): Row[] {
  return Array.from({ length: size / s.classes }, (_, row): Row => {
    const n = Math.floor(row / s.plane);
    const at = Array.from({ length: s.classes }, (_c, c) => (n * s.classes + c) * s.plane + (row % s.plane));
    const label = s.target[row];
    const t = at.map((i, c) => (s.probabilities ? s.target[i]! : label === c ? 1 : 0));
    const weights = at.map((_i, c) => s.weight?.[c] ?? 1);
    const left = !s.probabilities && label === s.ignored ? 0 : (s.mask?.[row] ?? 1);
    const divisor = s.probabilities ? 1 : t.reduce((sum, v, c) => sum + v * weights[c]!, 0);
    return { at, mask: left, shares: t.map((v, c) => weights[c]! * ((1 - s.smoothing) * v + s.smoothing / s.classes)), divisor };
  });
}

function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, v) => sum + Math.exp(v - largest), 0));
}

function totalDivisor(rows: readonly Row[]): number {
  return rows.reduce((sum, r) => sum + r.mask * r.divisor, 0) || Infinity;
}

/** As torch.nn.functional.cross_entropy, float64; 0 where every row is left out. */
export function crossEntropy(logits: Float64Array, s: CrossEntropyInputs): number {
  const rows = rowsOf(logits.length, s);
  const terms = rows.map((r) => {
    const z = r.at.map((i) => logits[i]!);
    const norm = logSumExp(z);
    return r.mask * r.shares.reduce((sum, k, c) => sum + k * (norm - z[c]!), 0);
  });
  return terms.reduce((sum, v) => sum + v, 0) / totalDivisor(rows);
}

export function crossEntropyGrad(logits: Float64Array, s: CrossEntropyInputs): Float64Array {
  const rows = rowsOf(logits.length, s);
  const divisor = totalDivisor(rows);
  const dz = new Float64Array(logits.length);
  for (const r of rows) {
    const norm = logSumExp(r.at.map((i) => logits[i]!));
    const shares = r.shares.reduce((sum, k) => sum + k, 0);
    for (const [c, i] of r.at.entries()) dz[i] = (r.mask * (Math.exp(logits[i]! - norm) * shares - r.shares[c]!)) / divisor;
  }
  return dz;
}
