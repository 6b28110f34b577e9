// a / b for b >= 1 and a / b < 2^22. Integer division is slow on every adapter (on software ones a vector of them is done one by
// one); the float quotient is off by one at most and is put right.
fn quotient(a: u32, b: u32) -> u32 {
  let q = u32(f32(a) / f32(b));
  let low = select(q, q - 1, q * b > a);
  return select(low, low + 1, (low + 1) * b <= a);
}
