// Layer norm over the channels of every pixel, on a run of channels, NCHW.
//   y[n,c,p] = (x[n,c,p] - mean[n,p]) * inverseDeviation[n,p] * weight[c] + bias[c]
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  firstChannel: u32,                  // of this run
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> table: array<f32>;            // [N,P,2]: mean, 1 / deviation
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(3) var<storage, read> bias: array<f32>;             // [C]
@group(0) @binding(4) var<storage, read_write> y: array<Map>;          // [N,yChannels,P]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let scale = weight[params.firstChannel + group.y];
  let offset = bias[params.firstChannel + group.y];
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let t = 2u * (group.z * params.plane + p);
    y[yBase + p] = Map((f32(x[xBase + p]) - table[t]) * table[t + 1u] * scale + offset);
  }
}
