// First stage of the global norm of all gradients: sums of squares of fixed shares.
//   partials[g*WG + lane] = (sum over a share of gradient^2, number of gradients in it that are infinite or NaN)
// Finiteness is read from the bits, since WGSL may assume that there are no NaNs; such gradients are left out of the sum.
// One workgroup per piece of `piece` elements, every WG-th of which is an invocation's share; grid = number of pieces in this range.
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // elements of this range
  piece: u32,                         // elements per workgroup
  firstPiece: u32,                    // pieces in the ranges before
}
@group(0) @binding(0) var<storage, read> gradients: array<u32>;        // [count], the bits of f32
@group(0) @binding(1) var<storage, read_write> partials: array<vec2f>; // [pieces of all ranges,WG]: sum of squares, non-finite
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.count);
  var sums = vec2f();
  for (var i = first + lane; i < end; i += WG) {
    let bits = gradients[i];
    let finite = (bits & 0x7f800000u) != 0x7f800000u;
    let g = bitcast<f32>(select(0u, bits, finite));
    sums += vec2f(g * g, select(1.0, 0.0, finite));
  }
  partials[(params.firstPiece + group.x) * WG + lane] = sums;
}
