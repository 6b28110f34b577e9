// Where output pixel i of `outSize` reads an axis of `size` pixels: s = (i + 0.5) * size / outSize - 0.5, not below 0
// (half-pixel centres, align_corners=False). In whole numbers, with the denominator 2 * outSize, so that no ratio is rounded.
struct Source { low: u32, high: u32, weight: f32 }                     // (1 - weight) * x[low] + weight * x[high]

fn bilinearSource(i: u32, size: u32, outSize: u32) -> Source {
  let numerator = max((2 * i + 1) * size, outSize) - outSize;
  let low = quotient(numerator, 2 * outSize);
  return Source(low, min(low + 1, size - 1), f32(numerator - low * 2 * outSize) / f32(2 * outSize));
}
