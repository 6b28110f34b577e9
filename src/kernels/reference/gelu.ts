/** Standard normal density. */
function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * Standard normal distribution function, near the precision of float64 relative to its own value: the power series of density(x) * (x +
 * x^3/3 + x^5/15 + ...) near 0, and the continued fraction of Mills' ratio, 1/(z + 1/(z + 2/(z + 3/(z + ...)))), in the tails.
 * Abramowitz, Stegun 1964, 26.2.11 and 26.2.14.
 */
export function normalDistribution(x: number): number {
  const z = Math.abs(x);
  const tail = z < 2.5 ? 0.5 - density(z) * series(z) : density(z) / millsDenominator(z);
  return x > 0 ? 1 - tail : tail;
}

function series(z: number): number {
  let [sum, term] = [z, z];
  for (let k = 3; Math.abs(term) > 1e-18 * sum; k += 2) sum += term *= (z * z) / k;
  return sum;
}

function millsDenominator(z: number): number {
  let value = z;
  for (let k = 200; k > 0; k--) value = z + k / value;
  return value;
}

const SLOPE = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/** x times its gate, float64; the gate is the normal distribution function or, with `tanh`, its approximation. */
export function gelu(x: Float64Array, tanh: boolean): Float64Array {
  return x.map((v) => v * gate(v, tanh));
}

export function geluGrad(x: Float64Array, dy: Float64Array, tanh: boolean): Float64Array {
  return x.map((v, i) => dy[i]! * (gate(v, tanh) + v * gateSlope(v, tanh)));
}

function gate(v: number, tanh: boolean): number {
  return tanh ? 1 / (1 + Math.exp(-2 * SLOPE * (v + CUBE * v ** 3))) : normalDistribution(v);
}

function gateSlope(v: number, tanh: boolean): number {
  if (!tanh) return density(v);
  const p = gate(v, true);
  return p * (1 - p) * 2 * SLOPE * (1 + 3 * CUBE * v * v);
}
