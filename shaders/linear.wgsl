// Linear layer.
//   y[n,o] = bias[o] + sum over i of x[n,i] * weight[o,i]
// One invocation per element of y; grid = ceil(N*O / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*O
  inFeatures: u32,                    // I
  outFeatures: u32,                   // O
  hasBias: u32,                       // 0: bias is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> x: array<f32>;            // [N,I]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [O,I]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // [N,O]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let index = flatIndex(gid, nwg, WG);
  if (index >= params.count) { return; }
  let n = index / params.outFeatures;
  let o = index - n * params.outFeatures;
  var sum = 0.0;
  for (var i = 0u; i < params.inFeatures; i++) { sum += x[n * params.inFeatures + i] * weight[o * params.inFeatures + i]; }
  if (params.hasBias == 1u) { sum += bias[o]; }
  y[index] = sum;
}
