// Gradient of the maximum of every plane.
//   dx[n,c,p] = p == index[n,c] ? dy[n,c] : 0
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  total: u32, firstChannel: u32,      // C of dy, first channel of this run
  dxChannels: u32, dxOffset: u32,     // channels in dx's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;               // [N,C]
@group(0) @binding(1) var<storage, read> index: array<u32>;            // [N,C]
@group(0) @binding(2) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = group.z * params.total + params.firstChannel + group.y;
  let gradient = dy[plane];
  let winner = index[plane];
  let base = (group.z * params.dxChannels + params.dxOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) { dx[base + p] = Map(select(0.0, gradient, p == winner)); }
}
