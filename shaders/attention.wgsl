// Attention of segmentation logits: how much each pixel counts.
//   a[n,p] = mask[p] * (max over k of sigmoid(logits[n,k,p]))^power
// by the logarithm, log sigmoid(z) = min(z, 0) - log(1 + exp(-|z|)), so that no logit underflows early.
// One invocation per pixel; grid = (ceil(P / WG), 1, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  channels: u32,                      // K
  power: f32,
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,K,P]
@group(0) @binding(1) var<storage, read> mask: array<f32>;             // [P]
@group(0) @binding(2) var<storage, read_write> attention: array<Map>;  // [N,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let p = gid.x;
  let n = gid.z;
  if (p >= params.plane) { return; }
  var z = f32(logits[n * params.channels * params.plane + p]);
  for (var k = 1u; k < params.channels; k++) { z = max(z, f32(logits[(n * params.channels + k) * params.plane + p])); }
  var a = exp(params.power * (min(z, 0.0) - log(1.0 + exp(-abs(z)))));
  if (params.masked == 1u) { a *= mask[p]; }
  attention[n * params.plane + p] = Map(a);
}
