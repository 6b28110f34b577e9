// Mean of every plane, NCHW -> NC.
//   y[n,c] = sum over p of x[n,c,p] / P
// One workgroup per plane; grid = (C of this run, N).
// requires: lib/map.wgsl
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32,                         // P = H*W
  total: u32, firstChannel: u32,      // C of y, first channel of this run
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;          // [N,C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = (group.y * params.xChannels + params.xOffset + group.x) * params.plane;
  var own = 0.0;
  for (var p = lane; p < params.plane; p += WG) { own += f32(x[base + p]); }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0, 0.0)).x;
  if (lane == 0) { y[group.y * params.total + params.firstChannel + group.x] = sum / f32(params.plane); }
}
