// Second stage of conv2d's weight gradients: adds the tiles in their order, the same on every run.
//   out[R/parts*stride + R%parts + firstColumn + s*parts] = sum over g of partial[g, r*columns + s]      R = firstRow + r, s < columns
// One invocation per sum; grid = rows*columns / WG folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, columns: u32,           // rows*columns, columns
  tiles: u32,
  firstRow: u32, firstColumn: u32,    // of these sums in out
  stride: u32,                        // elements of out
  parts: u32,                         // rows that share a stride of out, each an element apart: 1, or the 9 taps of mixed channels
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;          // [tiles,count]
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  var sum = 0.0;
  for (var g = 0u; g < params.tiles; g++) { sum += partial[g * params.count + e]; }
  let row = e / params.columns;
  let column = e - row * params.columns;
  let to = params.firstRow + row;
  out[to / params.parts * params.stride + to % params.parts + params.firstColumn + column * params.parts] = sum;
}
