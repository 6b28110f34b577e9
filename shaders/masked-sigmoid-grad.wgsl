// Gradient of masked probabilities by their logits z.
//   dz[n,c,p] = dy * mask * sigmoid(z) (1 - sigmoid(z))
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(2) var<storage, read> dy: array<f32>;               // [N,C,P]
@group(0) @binding(3) var<storage, read_write> dz: array<Map>;         // [N,C,P]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = gid.x;
  if (p >= params.plane) { return; }
  let i = (gid.z * groups.y + gid.y) * params.plane + p;
  let s = sigmoidPair(f32(logits[i]));
  var slope = dy[i] * s.x * s.y;
  if (params.masked == 1u) { slope *= mask[gid.z * params.plane + p]; }
  dz[i] = Map(slope);
}
