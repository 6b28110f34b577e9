// Focal loss (arXiv 1708.02002) of logits z and targets t, first stage: sums over every lanes-th pixel of a plane. With p = sigmoid(z):
//   miss = p (1 - t) + (1 - p) t;  bce = (1 - t) * softplus(z) + t * softplus(-z)
//   term = (alpha t + (1 - alpha) (1 - t)) * miss^gamma * bce
//   partials[n,c,lane] = sum of mask * term, sum of mask
// One invocation per partial; grid = N*C*lanes / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  count: u32, lanes: u32, channels: u32,                               // partials, invocations that share a plane, C
  gamma: f32,
  alpha: f32, oneMinusAlpha: f32,     // weights of positive and negative pixels
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(3) var<storage, read_write> partials: array<vec2f>; // [N,C,lanes]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let plane = e / params.lanes;
  let n = plane / params.channels;
  var sum = vec2f();
  for (var p = e - plane * params.lanes; p < params.plane; p += params.lanes) {
    let i = plane * params.plane + p;
    let z = f32(logits[i]);
    let t = labels[i];
    let s = sigmoidPair(z);
    let miss = s.x * (1.0 - t) + s.y * t;
    let bce = (1.0 - t) * softplus(z) + t * softplus(-z);
    let term = (params.alpha * t + params.oneMinusAlpha * (1.0 - t)) * powPositive(miss, params.gamma) * bce;
    var m = 1.0;
    if (params.masked == 1u) { m = mask[n * params.plane + p]; }
    sum += vec2f(m * term, m);
  }
  partials[e] = sum;
}
