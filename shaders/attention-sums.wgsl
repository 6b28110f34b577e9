// Second stage of attention pooling: the pieces of every sum, added in order.
//   sums[row] = sum over pieces of partials[row, piece];  row = (n, column)
// One invocation per row; grid = ceil(rows / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { rows: u32, pieces: u32 }
@group(0) @binding(0) var<storage, read> partials: array<f32>;         // [rows,pieces]
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;       // [rows]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let row = flatIndex(gid, nwg, WG);
  if (row >= params.rows) { return; }
  var sum = 0.0;
  for (var i = 0u; i < params.pieces; i++) { sum += partials[row * params.pieces + i]; }
  sums[row] = sum;
}
