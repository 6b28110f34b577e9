// Running statistics after a step: kept where the step counts, put back to what they were where it was skipped, because the
// forward pass that made a gradient infinite has already mixed its statistics in.
//   update: kept = x;  otherwise x = kept
// One invocation per element; grid = ceil(count / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { count: u32 }          // elements of this range
@group(0) @binding(0) var<storage, read_write> x: array<f32>;          // [count]
@group(0) @binding(1) var<storage, read_write> kept: array<f32>;       // [count]
@group(0) @binding(2) var<storage, read> report: array<f32>;           // [4]: norm, scale, update, skipped
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count) { return; }
  if (report[2] == 0.0) { x[i] = kept[i]; } else { kept[i] = x[i]; }
}
