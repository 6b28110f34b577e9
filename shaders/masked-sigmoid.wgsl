// Probabilities of logits z in float32; pixels that a mask leaves out take the value of their target, and so agree with it.
//   y[n,c,p] = target + mask * (sigmoid(z) - target);  sigmoid(z) without a mask
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;          // [N,C,P]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = gid.x;
  if (p >= params.plane) { return; }
  let i = (gid.z * groups.y + gid.y) * params.plane + p;
  var v = sigmoidPair(f32(logits[i])).x;
  if (params.masked == 1u) { v = mix(labels[i], v, mask[gid.z * params.plane + p]); }
  y[i] = v;
}
