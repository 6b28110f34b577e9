// Layer norm, gradient of the input, on a run of channels.
//   dx = (g - (sum of g + z * sum of g * z) / C) / deviation       g = dy * weight[c];  z = (x - mean) / deviation;  sums over channels
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  firstChannel: u32,                  // of this run
  inverseCount: f32,                  // 1 / C
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [N,P,2]: mean, 1 / deviation
@group(0) @binding(3) var<storage, read> sums: array<f32>;             // [N,P,2]: of g, of g * z
@group(0) @binding(4) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(5) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let scale = weight[params.firstChannel + group.y];
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.plane;
  let dxBase = (group.z * params.dxChannels + params.dxOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let t = 2u * (group.z * params.plane + p);
    let z = (f32(x[xBase + p]) - table[t]) * table[t + 1u];
    let g = f32(dy[dyBase + p]) * scale;
    dx[dxBase + p] = Map(table[t + 1u] * (g - (sums[t] + z * sums[t + 1u]) * params.inverseCount));
  }
}
