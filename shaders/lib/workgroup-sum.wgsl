// Sum over a workgroup in a fixed order (a tree), four values at once. The requiring file declares `override WG`, a power of
// two. Every invocation must call it; all get the total.
var<workgroup> workgroupSumScratch: array<vec4f, WG>;

fn workgroupSum(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();                 // an earlier call may still be read
  workgroupSumScratch[lane] = value;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half) { workgroupSumScratch[lane] += workgroupSumScratch[lane + half]; }
    workgroupBarrier();
  }
  return workgroupSumScratch[0];
}
