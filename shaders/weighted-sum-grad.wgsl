// Gradient of a weighted sum by up to five of its scalars, each at an offset that can be bound by itself.
//   dx[64 (first + i)] = weight_i * dy
// One invocation.
override WG: u32 = 1;                 // invocations per workgroup
struct Params {
  first: u32,                         // scalars in the dispatches before
  count: u32,                         // scalars here
  weight0: f32, weight1: f32, weight2: f32, weight3: f32, weight4: f32,
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;               // [1]
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;         // [64 * all scalars]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main() {
  var weight = array<f32, 5>(params.weight0, params.weight1, params.weight2, params.weight3, params.weight4);
  for (var i = 0u; i < params.count; i++) { dx[64u * (params.first + i)] = weight[i] * dy[0]; }
}
