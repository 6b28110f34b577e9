// Gradient of the focal loss by the logits. With p = sigmoid(z), miss and bce as in focal-loss.wgsl:
//   d term / dz = (alpha t + (1 - alpha) (1 - t)) * miss^gamma * (gamma (1 - 2t) p (1 - p) / miss * bce + (1 - t) p - t (1 - p))
//   dz = dy * inverse * mask * d term / dz
// One invocation per element; grid = (ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  gamma: f32,
  alpha: f32, oneMinusAlpha: f32,     // weights of positive and negative pixels
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(3) var<storage, read> inverse: array<f32>;          // [1]: 1 / sum of mask
@group(0) @binding(4) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(5) var<storage, read_write> dz: array<Map>;         // [N,C,P]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let pixel = gid.x;
  if (pixel >= params.plane) { return; }
  let i = (gid.z * groups.y + gid.y) * params.plane + pixel;
  let z = f32(logits[i]);
  let t = labels[i];
  let s = sigmoidPair(z);
  let miss = s.x * (1.0 - t) + s.y * t;
  let bce = (1.0 - t) * softplus(z) + t * softplus(-z);
  // p (1 - p) / miss is at most 1 for hard targets; both are 0 where the logit is beyond f32.
  let ratio = s.x * s.y / max(miss, 1e-37);
  let slope = params.gamma * (1.0 - 2.0 * t) * ratio * bce + (1.0 - t) * s.x - t * s.y;
  var scale = dy[0] * inverse[0] * (params.alpha * t + params.oneMinusAlpha * (1.0 - t)) * powPositive(miss, params.gamma);
  if (params.masked == 1u) { scale *= mask[gid.z * params.plane + pixel]; }
  dz[i] = Map(scale * slope);
}
