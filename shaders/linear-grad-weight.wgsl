// Gradient of a linear layer by its weight, or by its bias (then x counts as one feature that is 1).
//   dw[o,i] = sum over n of dy[n,o] * x[n,i];  db[o] = sum over n of dy[n,o]
// Rows are added in groups of 64, then the groups: rounding grows with the square root of N at most.
// One invocation per element of dw; grid = ceil(O*I / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // O*I elements of dw
  rows: u32,                          // N
  inFeatures: u32,                    // I, 1 for the bias
  outFeatures: u32,                   // O
  ofBias: u32,                        // 1: x is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> x: array<f32>;            // [N,I]
@group(0) @binding(1) var<storage, read> dy: array<f32>;           // [N,O]
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;     // [O,I]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let index = flatIndex(gid, nwg, WG);
  if (index >= params.count) { return; }
  let o = index / params.inFeatures;
  let i = index - o * params.inFeatures;
  var sum = 0.0;
  for (var first = 0u; first < params.rows; first += 64u) {
    var part = 0.0;
    for (var n = first; n < min(first + 64u, params.rows); n++) {
      var factor = 1.0;
      if (params.ofBias == 0u) { factor = x[n * params.inFeatures + i]; }
      part += dy[n * params.outFeatures + o] * factor;
    }
    sum += part;
  }
  dw[index] = sum;
}
