// Per-channel table of batch norm, [C, TABLE]: what every pass over a feature map needs to know of its channel.
const TABLE: u32 = 5;
const MEAN: u32 = 0;
const VARIANCE: u32 = 1;              // in training the unbiased one, for the running variance
const INVERSE_DEVIATION: u32 = 2;     // 1 / sqrt(biased variance + eps)
const SCALE: u32 = 3;                 // weight * INVERSE_DEVIATION
const BIAS: u32 = 4;

// Mean first, not folded into the bias: a large mean would cancel. Forward and gradient share it, so they agree on y > 0.
fn batchNormAffine(x: f32, mean: f32, scale: f32, bias: f32) -> f32 {
  return fma(x - mean, scale, bias);
}
