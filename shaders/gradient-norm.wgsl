// First stage of the global norm of all gradients: sums of squares of fixed pieces.
//   partials[g] = (sum over the piece of gradient^2, number of gradients that are infinite or NaN)
// Finiteness is read from the bits, since WGSL may assume that there are no NaNs; such gradients are left out of the sum.
// One workgroup per piece of `piece` elements; grid = number of pieces in this range of the flat array.
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 256;               // invocations per workgroup, a power of two
struct Params {
  count: u32,                         // elements of this range
  piece: u32,                         // elements per workgroup
  firstPiece: u32,                    // pieces in the ranges before
}
@group(0) @binding(0) var<storage, read> gradients: array<u32>;        // [count], the bits of f32
@group(0) @binding(1) var<storage, read_write> partials: array<vec2f>; // [pieces of all ranges]: sum of squares, non-finite
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.count);
  var squares = 0.0;
  var nonFinite = 0.0;
  for (var i = first + lane; i < end; i += WG) {
    let bits = gradients[i];
    if ((bits & 0x7f800000u) == 0x7f800000u) {
      nonFinite += 1.0;
    } else {
      let g = bitcast<f32>(bits);
      squares += g * g;
    }
  }
  let total = workgroupSum(lane, vec4f(squares, nonFinite, 0.0, 0.0));
  if (lane == 0u) { partials[params.firstPiece + group.x] = total.xy; }
}
