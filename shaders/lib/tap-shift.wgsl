// Where the three taps of a convolution look when its input is a map enlarged R times (half-pixel centres), along one axis.

// Distance, in low pixels, from low pixel q to what taps 0, 1, 2 of output pixel R*q + phase read: (phase + t - 1 + 0.5) / R - 0.5.
// From -1 to 1: q itself counts 1 - |d|, q - 1 max(-d, 0) and q + 1 max(d, 0). step = 1 / R.
fn tapShift(phase: u32, step: f32) -> vec3f {
  return vec3f((f32(phase) + 0.5) * step - 0.5) + vec3f(-step, 0.0, step);
}

// 0 for the taps of output pixel i that lie outside the enlarged map: the zero padding of the convolution.
fn insideTaps(taps: vec3f, i: u32, outSize: u32) -> vec3f {
  return vec3f(select(taps.x, 0.0, i == 0), taps.y, select(taps.z, 0.0, i + 1 == outSize));
}
