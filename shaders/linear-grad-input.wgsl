// Gradient of a linear layer by its input.
//   dx[n,i] = sum over o of dy[n,o] * weight[o,i]
// One invocation per element of dx; grid = ceil(N*I / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { count: u32, inFeatures: u32, outFeatures: u32 }    // N*I, I, O
@group(0) @binding(0) var<storage, read> dy: array<f32>;           // [N,O]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [O,I]
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;     // [N,I]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let index = flatIndex(gid, nwg, WG);
  if (index >= params.count) { return; }
  let n = index / params.inFeatures;
  let i = index - n * params.inFeatures;
  var sum = 0.0;
  for (var o = 0u; o < params.outFeatures; o++) { sum += dy[n * params.outFeatures + o] * weight[o * params.inFeatures + i]; }
  dx[index] = sum;
}
