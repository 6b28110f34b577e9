// Per-channel table of batch norm, a row per channel of the buffer that holds the map: what its readers need to know of a channel.
const TABLE: u32 = 4;
const MEAN: u32 = 0;
const SCALE: u32 = 1;                 // weight * INVERSE_DEVIATION
const BIAS: u32 = 2;
const INVERSE_DEVIATION: u32 = 3;     // 1 / sqrt(biased variance + eps)

// Mean first, not folded into the bias: a large mean would cancel. Forward and gradient share it, so they agree on y > 0.
fn batchNormAffine(x: f32, mean: f32, scale: f32, bias: f32) -> f32 {
  return fma(x - mean, scale, bias);
}
