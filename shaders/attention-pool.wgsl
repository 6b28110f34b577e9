// Attention pooling from its sums.
//   y[n,c] = sums[n,c] / (sums[n,C] + eps)
// One invocation per element of y; grid = ceil(N*C / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { count: u32, channels: u32, eps: f32 }                  // N*C, C, pixels
@group(0) @binding(0) var<storage, read> sums: array<f32>;             // [N,C+1]: of a*x per channel, of a
@group(0) @binding(1) var<storage, read_write> y: array<f32>;          // [N,C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count) { return; }
  let n = i / params.channels;
  let first = n * (params.channels + 1u);
  y[i] = sums[first + i - n * params.channels] / (sums[first + params.channels] + params.eps);
}
