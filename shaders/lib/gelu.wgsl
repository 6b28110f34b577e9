// GELU is x times a gate between 0 and 1: the normal distribution function, or the curve that approximates it by tanh.
// Hendrycks, Gimpel 2016, https://arxiv.org/abs/1606.08415
override TANH: bool = false;

const FAR: f32 = 20.0;                // further out the gate is 0 or 1 in float32, and neither exp nor a cube may overflow

// x = the gate at v, y = its derivative
fn geluGate(v: f32) -> vec2f {
  let z = clamp(v, -FAR, FAR);
  if (TANH) { return tanhGate(z); }
  return normalGate(z);
}

// The tail beyond |z| is exp(-z^2 / 2) times a polynomial in t = 1 / (1 + 0.26 |z|), fitted by reweighted least squares on 0 <= |z| <= 20:
// 8e-8 of its own value off, 4e-7 with the roundings of float32. Both ends are reached without cancellation.
fn normalGate(z: f32) -> vec2f {
  let t = 1.0 / (1.0 + 0.26 * abs(z));
  var s = 0.027571101;
  s = s * t - 0.13884979;
  s = s * t + 0.22324517;
  s = s * t - 0.11942554;
  s = s * t + 0.13975668;
  s = s * t + 0.059789125;
  s = s * t + 0.10086031;
  s = s * t + 0.10331047;
  s = s * t + 0.10374244;
  let e = exp(-0.5 * z * z);
  let tail = e * s * t;
  return vec2f(select(tail, 1.0 - tail, z > 0.0), 0.39894228 * e);     // 1 / sqrt(2 pi)
}

// (1 + tanh(u)) / 2 = sigmoid(2 u) with u = sqrt(2 / pi) (z + 0.044715 z^3)
fn tanhGate(z: f32) -> vec2f {
  let twice = 1.5957691 * z * (1.0 + 0.044715 * z * z);
  let e = exp(-abs(twice));
  let far = e / (1.0 + e);                                             // the smaller of the gate and 1 - gate
  let slope = 1.5957691 * (1.0 + 0.134145 * z * z);
  return vec2f(select(far, 1.0 / (1.0 + e), z > 0.0), far / (1.0 + e) * slope);
}
