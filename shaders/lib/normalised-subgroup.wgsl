// The affine of a channel, whose row of `table` a subgroup's invocations load together and hand round.
// requires: lib/normalised.wgsl

// part: 0 to 7, the place of the invocation among eight
fn affineOfSubgroup(row: u32, part: u32) -> Affine {
  if (!NORM) { return Affine(); }
  let t = table[row * TABLE + min(part, BIAS)];
  return Affine(subgroupBroadcast(t, MEAN), subgroupBroadcast(t, SCALE), subgroupBroadcast(t, BIAS));
}
