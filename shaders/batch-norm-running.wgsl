// Batch norm, training: one running statistic moves towards a column of the table.
//   running[c] = (1 - momentum) * running[c] + momentum * table[c,column]
// One invocation per channel; grid = ceil(C / WG). One dispatch per statistic: both lie in one buffer.
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { channels: u32, column: u32, momentum: f32 }            // column: 0 mean, 1 unbiased variance
@group(0) @binding(0) var<storage, read> table: array<f32>;            // [C,TABLE]
@group(0) @binding(1) var<storage, read_write> running: array<f32>;    // [C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  if (c >= params.channels) { return; }
  running[c] = (1.0 - params.momentum) * running[c] + params.momentum * table[c * TABLE + params.column];
}
