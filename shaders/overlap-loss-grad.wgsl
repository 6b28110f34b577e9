// Gradient of a Dice, IoU or Tversky loss by the logits.
//   dz = dy * mask * p (1 - p) * (slope[0] t + slope[1]) of the pixel's group
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  groups: u32,                        // N*C, or C: a plane belongs to group plane % groups
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(3) var<storage, read> slopes: array<vec2f>;         // [groups]
@group(0) @binding(4) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(5) var<storage, read_write> dz: array<Map>;         // [N,C,P]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = gid.x;
  if (p >= params.plane) { return; }
  let plane = gid.z * groups.y + gid.y;
  let i = plane * params.plane + p;
  let s = sigmoidPair(f32(logits[i]));
  let slope = slopes[plane % params.groups];
  var scale = dy[0] * s.x * s.y;
  if (params.masked == 1u) { scale *= mask[gid.z * params.plane + p]; }
  dz[i] = Map(scale * (slope.x * labels[i] + slope.y));
}
