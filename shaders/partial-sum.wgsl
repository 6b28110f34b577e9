// Second stage of per-channel sums (gradients of bias and channel scale, attention pooling): partial sums added in a fixed order.
//   total[c] = sum over k of partial[c,k]
// One workgroup per channel; grid = (C).
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params { partials: u32 }                                        // K
@group(0) @binding(0) var<storage, read> partial: array<f32>;          // [C,K]
@group(0) @binding(1) var<storage, read_write> total: array<f32>;      // [C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var own = 0.0;
  for (var k = lane; k < params.partials; k += WG) { own += partial[group.x * params.partials + k]; }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0, 0.0)).x;
  if (lane == 0) { total[group.x] = sum; }
}
