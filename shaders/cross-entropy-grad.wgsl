// Gradient of cross-entropy by the logits; k as in cross-entropy.wgsl.
//   dz[c] = dy * inverse * mask * (softmax(z)[c] * sum of k - k[c])
// One invocation per row (n, p); grid = ceil(N*P / WG) folded into two dimensions.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/class-target.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  rows: u32,                          // N*P
  classes: u32,                       // C
  inner: u32,                         // P = H*W, 1 for [N,C]
  smoothing: f32,
  ignored: f32,                       // class index that leaves a row out
  probabilities: u32,                 // 0: labels are class indices [N,P]; 1: [N,C,P]
  weighted: u32, masked: u32,         // 0: that array is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,P] or [N,C,P]
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(3) var<storage, read> mask: array<f32>;             // [N,P]
@group(0) @binding(4) var<storage, read> inverse: array<f32>;          // [1]: 1 / sum of divisors
@group(0) @binding(5) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(6) var<storage, read_write> dz: array<Map>;         // [N,C,P]
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let row = flatIndex(gid, nwg, WG);
  if (row >= params.rows) { return; }
  let scale = dy[0] * inverse[0] * rowMask(row);
  let start = rowStart(row);
  let norm = rowNorm(start);
  var shares = 0.0;
  for (var c = 0u; c < params.classes; c++) { shares += classShare(row, start, c); }
  for (var c = 0u; c < params.classes; c++) {
    let i = start + c * params.inner;
    let p = exp(f32(logits[i]) - norm.x - norm.y);
    dz[i] = Map(scale * (p * shares - classShare(row, start, c)));
  }
}
