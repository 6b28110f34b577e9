// Gradient of the multi-scale structural similarity loss by the means of its levels, each level at an offset that can be bound by itself.
//   dv[l * stride + p] = -dy / planes * weight_l v_l^(weight_l - 1) * product over the other levels; 0 where v_l < least
// One invocation per plane; grid = (ceil(planes / WG)).
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  planes: u32,                        // N*C
  levels: u32,                        // 1..5; the bindings of the others are not read
  stride: u32,                        // elements from one level to the next
  least: f32,
  weight0: f32, weight1: f32, weight2: f32, weight3: f32, weight4: f32,
}
@group(0) @binding(0) var<storage, read> v0: array<f32>;               // [N,C]
@group(0) @binding(1) var<storage, read> v1: array<f32>;               // [N,C]
@group(0) @binding(2) var<storage, read> v2: array<f32>;               // [N,C]
@group(0) @binding(3) var<storage, read> v3: array<f32>;               // [N,C]
@group(0) @binding(4) var<storage, read> v4: array<f32>;               // [N,C]
@group(0) @binding(5) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(6) var<storage, read_write> dv: array<f32>;         // [levels,stride]
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let p = gid.x;
  if (p >= params.planes) { return; }
  var weight = array<f32, 5>(params.weight0, params.weight1, params.weight2, params.weight3, params.weight4);
  var v = array<f32, 5>(v0[p], v1[p], v2[p], v3[p], v4[p]);
  for (var l = 0u; l < params.levels; l++) {
    var slope = -dy[0] / f32(params.planes) * powerSlope(v[l], weight[l]);
    for (var k = 0u; k < params.levels; k++) {
      if (k != l) { slope *= powPositive(max(v[k], params.least), weight[k]); }
    }
    dv[l * params.stride + p] = select(slope, 0.0, v[l] < params.least);
  }
}

// d(v^weight) / dv for v > 0, or any v where weight is 1
fn powerSlope(v: f32, weight: f32) -> f32 {
  if (weight == 1.0) { return 1.0; }
  return weight * powPositive(v, weight) / max(v, 1e-37);
}
