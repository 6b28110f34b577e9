// Batch norm, gradient of weight (column 0) or bias (column 1), stage 2: partial sums added in a fixed order.
// One workgroup per channel; grid = (C). One dispatch per gradient: both lie in one buffer.
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params { partials: u32, column: u32 }                           // K
@group(0) @binding(0) var<storage, read> partial: array<f32>;          // [C,K,2]
@group(0) @binding(1) var<storage, read_write> total: array<f32>;      // [C]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var own = 0.0;
  for (var k = lane; k < params.partials; k += WG) {
    own += partial[2 * (group.x * params.partials + k) + params.column];
  }
  sums[lane] = own;
  for (var half = WG / 2; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0) { total[group.x] = sums[0]; }
}
