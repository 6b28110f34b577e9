// Batch norm, gradient of weight and bias, stage 2: the partial sums of each channel added in a fixed order.
//   dweight[c] = sum over k of partial[c,k,0];  dbias[c] = sum over k of partial[c,k,1]
// Both may lie in one buffer, at places that do not overlap. One workgroup per channel; grid = (C).
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params { partials: u32 }                                        // K
@group(0) @binding(0) var<storage, read> partial: array<f32>;          // [C,K,2]
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;    // [C]
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;      // [C]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var own = vec2f();
  for (var k = lane; k < params.partials; k += WG) {
    let at = 2u * (group.x * params.partials + k);
    own += vec2f(partial[at], partial[at + 1u]);
  }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0));
  if (lane == 0u) {
    dweight[group.x] = sum.x;
    dbias[group.x] = sum.y;
  }
}
