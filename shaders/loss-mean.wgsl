// Last stage of a loss that is a weighted mean: the pieces, added in a fixed order.
//   loss = sum of partials.x / sum of partials.y;  inverse = 1 / sum of partials.y;  both 0 where nothing counts
// One workgroup; every lane sums every WG-th partial, then a tree.
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 256;               // invocations per workgroup, a power of two
struct Params { count: u32 }          // number of partials
@group(0) @binding(0) var<storage, read> partials: array<vec2f>;     // [count]: sum of weighted terms, sum of what divides them
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;     // [1]
@group(0) @binding(2) var<storage, read_write> inverse: array<f32>;  // [1]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var i = lane; i < params.count; i += WG) { sum += partials[i]; }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  if (lane == 0u) {
    var reciprocal = 0.0;
    if (total.y > 0.0) { reciprocal = 1.0 / total.y; }
    loss[0] = total.x * reciprocal;
    inverse[0] = reciprocal;
  }
}
