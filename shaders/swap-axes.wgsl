// y[b,j,i] = x[b,i,j]: the last two axes change places.
// One invocation per element; grid = batches*rows*columns / WG folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // batches*rows*columns
  rows: u32, columns: u32,            // of x
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [batches,rows,columns]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;          // [batches,columns,rows]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let line = e / params.rows;
  let batch = line / params.columns;
  let i = e - line * params.rows;
  let j = line - batch * params.columns;
  y[e] = x[(batch * params.rows + i) * params.columns + j];
}
