// Exponential moving average of weights or running statistics over a range of a flat array.
//   average += (1 - decay) * (x - average);  decay is a word of the step state
// Nothing is written where the gradient report says that a gradient is not finite.
// One invocation per element; grid = ceil(count / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params { count: u32 }          // elements of this range
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [count]
@group(0) @binding(1) var<storage, read_write> average: array<f32>;    // [count]
@group(0) @binding(2) var<storage, read> report: array<f32>;           // [4]: norm, scale, update, skipped
@group(0) @binding(3) var<storage, read> step: array<f32>;             // ..., [4] = 1 - decay
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count || report[2] == 0.0) { return; }
  let old = average[i];
  average[i] = old + step[4] * (x[i] - old);
}
