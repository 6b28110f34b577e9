// Batch norm, training: the running statistics move towards those of the table.
//   running[c] = (1 - momentum) * running[c] + momentum * table[c]        mean, and unbiased variance
// Both may lie in one buffer, at places that do not overlap. One invocation per channel; grid = ceil(C / WG).
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { channels: u32, momentum: f32 }
@group(0) @binding(0) var<storage, read> table: array<f32>;            // [C,TABLE]
@group(0) @binding(1) var<storage, read_write> runningMean: array<f32>; // [C]
@group(0) @binding(2) var<storage, read_write> runningVar: array<f32>; // [C]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  if (c >= params.channels) { return; }
  let keep = 1.0 - params.momentum;
  runningMean[c] = keep * runningMean[c] + params.momentum * table[c * TABLE + MEAN];
  runningVar[c] = keep * runningVar[c] + params.momentum * table[c * TABLE + VARIANCE];
}
