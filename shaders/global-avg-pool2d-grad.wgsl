// Gradient of the mean of every plane.
//   dx[n,c,p] = dy[n,c] / P
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  total: u32, firstChannel: u32,      // C of dy, first channel of this run
  dxChannels: u32, dxOffset: u32,     // channels in dx's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;               // [N,C]
@group(0) @binding(1) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let share = dy[group.z * params.total + params.firstChannel + group.y] / f32(params.plane);
  let base = (group.z * params.dxChannels + params.dxOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) { dx[base + p] = Map(share); }
}
