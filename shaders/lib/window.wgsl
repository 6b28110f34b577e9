// Pooling windows along one axis. Window o covers pixels o*stride - padding ... + kernelSize - 1; Span is half-open: first <= i < end.
struct Span { first: u32, end: u32 }

// The pixels of window o that lie in the image.
fn windowSpan(o: u32, kernelSize: u32, stride: u32, padding: u32, size: u32) -> Span {
  let start = o * stride;             // padding too far, so that it stays unsigned
  return Span(max(start, padding) - padding, min(start + kernelSize, size + padding) - padding);
}

// The windows, of `windows`, that cover pixel i.
fn coveringWindows(i: u32, kernelSize: u32, stride: u32, padding: u32, windows: u32) -> Span {
  let at = i + padding;
  return Span(quotient(max(at + stride, kernelSize) - kernelSize, stride), min(quotient(at, stride) + 1, windows));
}

// By how much a window sum is divided along this axis: the pixels in the image, or also those of the padding, but never those
// that ceil mode adds beyond it.
fn windowLength(o: u32, kernelSize: u32, stride: u32, padding: u32, size: u32, countIncludePad: u32) -> u32 {
  let start = o * stride;
  let end = min(start + kernelSize, size + 2 * padding);
  let inside = windowSpan(o, kernelSize, stride, padding, size);
  return select(inside.end - inside.first, end - start, countIncludePad != 0);
}
