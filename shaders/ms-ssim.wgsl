// Multi-scale structural similarity (https://doi.org/10.1109/ACSSC.2003.1292216) as a loss, from the means of its levels per image and channel:
//   loss = 1 - mean over planes of the product over levels of max(v_level, least)^weight_level
// One workgroup; a lane owns every WG-th plane.
// requires: lib/logistic.wgsl
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  planes: u32,                        // N*C
  levels: u32,                        // 1..5; the bindings of the others are not read
  least: f32,
  weight0: f32, weight1: f32, weight2: f32, weight3: f32, weight4: f32,
}
@group(0) @binding(0) var<storage, read> v0: array<f32>;               // [N,C]
@group(0) @binding(1) var<storage, read> v1: array<f32>;               // [N,C]
@group(0) @binding(2) var<storage, read> v2: array<f32>;               // [N,C]
@group(0) @binding(3) var<storage, read> v3: array<f32>;               // [N,C]
@group(0) @binding(4) var<storage, read> v4: array<f32>;               // [N,C]
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;       // [1]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var weight = array<f32, 5>(params.weight0, params.weight1, params.weight2, params.weight3, params.weight4);
  var sum = 0.0;
  for (var p = lane; p < params.planes; p += WG) {
    var v = array<f32, 5>(v0[p], v1[p], v2[p], v3[p], v4[p]);
    var product = 1.0;
    for (var l = 0u; l < params.levels; l++) { product *= powPositive(max(v[l], params.least), weight[l]); }
    sum += product;
  }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0, 0.0)).x;
  if (lane == 0u) { loss[0] = 1.0 - total / f32(params.planes); }
}
