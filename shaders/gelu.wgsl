// Gaussian error linear unit on a run of channels, NCHW.
//   y = x * gate(x)
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/gelu.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;          // [N,yChannels,P]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let v = f32(x[xBase + p]);
    y[yBase + p] = Map(v * geluGate(v).x);
  }
}
