const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** Log odds of any class but the first, and the softmax of the others. */
function others(classes: Float64Array): { odds: number; shares: Float64Array } {
  const rest = classes.subarray(1);
  const largest = Math.max(...rest);
  const powers = rest.map((z) => Math.exp(z - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return { odds: largest + Math.log(sum) - classes[0]!, shares: powers.map((e) => e / sum) };
}

/** Logits of sigmoid(l) times P(any class but the first), float64; l [N, M], classes [N, K]. */
export function classGate(l: Float64Array, classes: Float64Array, images: number): Float64Array {
  const [many, kinds] = [l.length / images, classes.length / images];
  return l.map((v, i) => {
    const n = Math.floor(i / many);
    const { odds } = others(classes.subarray(n * kinds, (n + 1) * kinds));
    return v - softplus(-odds) - softplus(v - softplus(odds));
  });
}

export function classGateGrad(
  l: Float64Array,
  classes: Float64Array,
  dy: Float64Array,
  images: number,
): { dl: Float64Array; dz: Float64Array } {
  const [many, kinds] = [l.length / images, classes.length / images];
  const [dl, dz] = [new Float64Array(l.length), new Float64Array(classes.length)];
  for (let n = 0; n < images; n++) {
    const { odds, shares } = others(classes.subarray(n * kinds, (n + 1) * kinds));
    const gate = sigmoid(odds);
    let da = 0;
    for (let i = n * many; i < (n + 1) * many; i++) {
      const s = sigmoid(l[i]! - softplus(odds));
      dl[i] = dy[i]! * (1 - s);
      da += dy[i]! * (1 - gate + s * gate);
    }
    dz[n * kinds] = -da;
    for (const [k, share] of shares.entries()) dz[n * kinds + 1 + k] = da * share;
  }
  return { dl, dz };
}

/** Probability p times g. */
export const gated = (p: number, classes: Float64Array): number => p * sigmoid(others(classes).odds);
