// Gradient of the class gate by the map's logits.
//   dl[n,c,p] = dy (1 - s)      s = sigmoid(l - softplus(a)), a = log odds of image n
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
// requires: lib/class-gate.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  classes: u32,                       // K
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> classes: array<f32>;          // [N,K]
@group(0) @binding(2) var<storage, read> dy: array<Map>;               // [N,C,P]
@group(0) @binding(3) var<storage, read_write> dl: array<Map>;         // [N,C,P]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = gid.x;
  if (p >= params.plane) { return; }
  let i = (gid.z * groups.y + gid.y) * params.plane + p;
  dl[i] = Map(f32(dy[i]) * sigmoidPair(f32(logits[i]) - softplus(oddsOfAny(gid.z))).y);
}
