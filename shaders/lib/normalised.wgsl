// A map that its readers normalise: what a kernel loads becomes max((x - mean) * scale + bias, 0) by the table row of its channel.
// requires: lib/batch-norm.wgsl
override NORM: bool = false;          // false: x is taken as it lies in memory, and the table is not read

// mean, scale and bias of one channel
struct Affine { mean: f32, scale: f32, bias: f32 }

// Of the channel with this row in the binding `table`.
fn affineOf(row: u32) -> Affine {
  if (!NORM) { return Affine(); }
  return Affine(table[row * TABLE + MEAN], table[row * TABLE + SCALE], table[row * TABLE + BIAS]);
}

fn normalised(x: f32, a: Affine) -> f32 {
  if (!NORM) { return x; }
  return max(batchNormAffine(x, a.mean, a.scale, a.bias), 0.0);
}

fn normalisedQuad(x: vec4f, a: Affine) -> vec4f {
  return vec4f(normalised(x.x, a), normalised(x.y, a), normalised(x.z, a), normalised(x.w, a));
}
