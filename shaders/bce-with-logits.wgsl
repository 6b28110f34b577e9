// Binary cross-entropy of logits z and targets t, first stage: sums over every lanes-th pixel of a plane.
//   term = weight * ((1 - t) * softplus(z) + posWeight[c] * t * softplus(-z))
//   partials[n,c,lane] = sum of mask * term, sum of mask
// One invocation per partial; grid = N*C*lanes / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  count: u32, lanes: u32, channels: u32,                               // partials, invocations that share a plane, C
  weighted: u32, posWeighted: u32, masked: u32,   // 0: that array is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [N,C,P]
@group(0) @binding(3) var<storage, read> posWeight: array<f32>;        // [C]
@group(0) @binding(4) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(5) var<storage, read_write> partials: array<vec2f>; // [N,C,lanes]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let plane = e / params.lanes;
  let n = plane / params.channels;
  var positive = 1.0;
  if (params.posWeighted == 1u) { positive = posWeight[plane - n * params.channels]; }
  var sum = vec2f();
  for (var p = e - plane * params.lanes; p < params.plane; p += params.lanes) {
    let i = plane * params.plane + p;
    let z = f32(logits[i]);
    let t = labels[i];
    var term = (1.0 - t) * softplus(z) + positive * t * softplus(-z);
    if (params.weighted == 1u) { term *= weight[i]; }
    var m = 1.0;
    if (params.masked == 1u) { m = mask[n * params.plane + p]; }
    sum += vec2f(m * term, m);
  }
  partials[e] = sum;
}
