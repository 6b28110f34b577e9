// Batch norm in evaluation mode: the table of every channel from the running statistics.
// One invocation per channel; grid = ceil(C / WG).
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  channels: u32,                      // of this run
  eps: f32,
  firstChannel: u32, firstRow: u32,   // of this run, in the vectors and in the table
}
@group(0) @binding(0) var<storage, read> runningMean: array<f32>;      // [C]
@group(0) @binding(1) var<storage, read> runningVar: array<f32>;       // [C]
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(3) var<storage, read> bias: array<f32>;             // [C]
@group(0) @binding(4) var<storage, read_write> table: array<f32>;      // [rows,TABLE]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x >= params.channels) { return; }
  let c = params.firstChannel + gid.x;
  let inverse = 1.0 / sqrt(runningVar[c] + params.eps);
  let row = (params.firstRow + gid.x) * TABLE;
  table[row + MEAN] = runningMean[c];
  table[row + INVERSE_DEVIATION] = inverse;
  table[row + SCALE] = weight[c] * inverse;
  table[row + BIAS] = bias[c];
}
