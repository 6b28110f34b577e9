// Up to five scalars more of a weighted sum, and their values side by side.
//   total = (first > 0 ? total : 0) + sum of weight_i * x_i;  values[first + i] = x_i
// One invocation.
override WG: u32 = 1;                 // invocations per workgroup
struct Params {
  first: u32,                         // scalars in the dispatches before
  count: u32,                         // scalars here; the other bindings repeat x0
  weight0: f32, weight1: f32, weight2: f32, weight3: f32, weight4: f32,
}
@group(0) @binding(0) var<storage, read> x0: array<f32>;               // [1]
@group(0) @binding(1) var<storage, read> x1: array<f32>;               // [1]
@group(0) @binding(2) var<storage, read> x2: array<f32>;               // [1]
@group(0) @binding(3) var<storage, read> x3: array<f32>;               // [1]
@group(0) @binding(4) var<storage, read> x4: array<f32>;               // [1]
@group(0) @binding(5) var<storage, read_write> values: array<f32>;     // [all scalars]
@group(0) @binding(6) var<storage, read_write> total: array<f32>;      // [1]
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main() {
  var x = array<f32, 5>(x0[0], x1[0], x2[0], x3[0], x4[0]);
  var weight = array<f32, 5>(params.weight0, params.weight1, params.weight2, params.weight3, params.weight4);
  var sum = 0.0;
  if (params.first > 0u) { sum = total[0]; }
  for (var i = 0u; i < params.count; i++) {
    sum += weight[i] * x[i];
    values[params.first + i] = x[i];
  }
  total[0] = sum;
}
