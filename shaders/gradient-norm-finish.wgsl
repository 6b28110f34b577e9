// Second stage of the global gradient norm: what an update needs to know about all gradients together.
//   norm = sqrt(sum of partials);  scale = min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_
//   update = 1, or 0 where a gradient, or the sum of squares itself, is not finite: then `skipped` is counted up by 1
// One workgroup; every lane sums every WG-th partial, then a tree.
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 256;               // invocations per workgroup, a power of two
struct Params {
  pieces: u32,
  maxNorm: f32,                       // the largest f32 where nothing is clipped
}
@group(0) @binding(0) var<storage, read> partials: array<vec2f>;     // [pieces]: sum of squares, non-finite
@group(0) @binding(1) var<storage, read_write> report: array<f32>;   // [4]: norm, scale, update, skipped
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var i = lane; i < params.pieces; i += WG) { sum += partials[i]; }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  if (lane == 0u) {
    let overflow = (bitcast<u32>(total.x) & 0x7f800000u) == 0x7f800000u;
    let update = total.y == 0.0 && !overflow && total.x < 3.4e38;
    let norm = select(0.0, sqrt(total.x), update);
    report[0] = norm;
    report[1] = min(1.0, params.maxNorm / (norm + 1e-6));
    report[2] = select(0.0, 1.0, update);
    report[3] += select(1.0, 0.0, update);
  }
}
