// Sigmoid and its logarithm without cancellation: every function is accurate relative to its own value for any finite z.

// log(1 + e) for 0 <= e <= 1; log(1 + e) itself would lose the digits of a small e.
fn log1pUnit(e: f32) -> f32 {
  let series = e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - e * (0.25 - e * 0.2))));    // error e^6 / 6
  return select(log(1.0 + e), series, e < 0.0625);
}

// -log(1 - sigmoid(z)) = log(1 + exp(z))
fn softplus(z: f32) -> f32 {
  return max(z, 0.0) + log1pUnit(exp(-abs(z)));
}

// x = sigmoid(z), y = 1 - sigmoid(z)
fn sigmoidPair(z: f32) -> vec2f {
  let e = exp(-abs(z));
  let pair = vec2f(1.0, e) / (1.0 + e);
  return select(pair.yx, pair, z >= 0.0);
}

// x^exponent for x >= 0 and exponent >= 0, without the accuracy or the 0^0 of pow at the ends
fn powPositive(x: f32, exponent: f32) -> f32 {
  if (exponent == 1.0) { return x; }
  if (exponent == 2.0) { return x * x; }
  return exp2(exponent * log2(max(x, 1e-37)));
}
