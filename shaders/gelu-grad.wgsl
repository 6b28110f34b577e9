// Gradient of the Gaussian error linear unit.
//   dx = dy * (gate(x) + x * gate'(x))
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/gelu.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.plane;
  let dxBase = (group.z * params.dxChannels + params.dxOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let v = f32(x[xBase + p]);
    let gate = geluGate(v);
    dx[dxBase + p] = Map(f32(dy[dyBase + p]) * (gate.x + clamp(v, -FAR, FAR) * gate.y));
  }
}
