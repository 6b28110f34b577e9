// Gradient of binary cross-entropy by the logits.
//   dz = dy * inverse * mask * weight * ((1 - t) * sigmoid(z) - posWeight[c] * t * (1 - sigmoid(z)))
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  weighted: u32, posWeighted: u32, masked: u32,   // 0: that array is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [N,C,P]
@group(0) @binding(3) var<storage, read> posWeight: array<f32>;        // [C]
@group(0) @binding(4) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(5) var<storage, read> inverse: array<f32>;          // [1]: 1 / sum of mask
@group(0) @binding(6) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(7) var<storage, read_write> dz: array<Map>;         // [N,C,P]
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = gid.x;
  if (p >= params.plane) { return; }
  let i = (gid.z * groups.y + gid.y) * params.plane + p;
  var positive = 1.0;
  if (params.posWeighted == 1u) { positive = posWeight[gid.y]; }
  let s = sigmoidPair(f32(logits[i]));
  let t = labels[i];
  var slope = (1.0 - t) * s.x - positive * t * s.y;
  if (params.weighted == 1u) { slope *= weight[i]; }
  if (params.masked == 1u) { slope *= mask[gid.z * params.plane + p]; }
  dz[i] = Map(dy[0] * inverse[0] * slope);
}
