// What cross-entropy and its gradient share; the requiring file declares logits, labels, weight, mask and params.

// Element of the logits where row (n, p) starts; its classes follow `inner` apart.
fn rowStart(row: u32) -> u32 {
  let n = row / params.inner;
  return n * params.classes * params.inner + row - n * params.inner;
}

// 0 for rows that are left out
fn rowMask(row: u32) -> f32 {
  if (params.probabilities == 0u && labels[row] == params.ignored) { return 0.0; }
  if (params.masked == 1u) { return mask[row]; }
  return 1.0;
}

// x = largest logit of the row that starts here, y = log of the sum of exp(z - x)
fn rowNorm(start: u32) -> vec2f {
  var largest = f32(logits[start]);
  for (var c = 1u; c < params.classes; c++) { largest = max(largest, f32(logits[start + c * params.inner])); }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) { sum += exp(f32(logits[start + c * params.inner]) - largest); }
  return vec2f(largest, log(sum));
}

fn classWeight(c: u32) -> f32 {
  if (params.weighted == 1u) { return weight[c]; }
  return 1.0;
}

// Weight of -log p[c] in the loss of a row: w[c] * ((1 - s) t[c] + s / C)
fn classShare(row: u32, start: u32, c: u32) -> f32 {
  var t = 0.0;
  if (params.probabilities == 1u) {
    t = labels[start + c * params.inner];
  } else if (labels[row] == f32(c)) {
    t = 1.0;
  }
  return classWeight(c) * ((1.0 - params.smoothing) * t + params.smoothing / f32(params.classes));
}
