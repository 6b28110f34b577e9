// Gradient of the rectified linear unit, from its output.
//   dx[n,c,i] = y[n,c,i] > 0 ? dy[n,c,i] : 0          gradient 0 at 0, as PyTorch
// One invocation per element; grid = ceil(N*C*P / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, channels: u32, plane: u32,
  yChannels: u32, yOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> y: array<f32>;            // [N,yChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<f32>;           // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;     // [N,dxChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count) { return; }
  let p = i % params.plane;
  let nc = i / params.plane;
  let c = nc % params.channels;
  let n = nc / params.channels;
  let yi = (n * params.yChannels + params.yOffset + c) * params.plane + p;
  let dyi = (n * params.dyChannels + params.dyOffset + c) * params.plane + p;
  let dxi = (n * params.dxChannels + params.dxOffset + c) * params.plane + p;
  dx[dxi] = select(0.0, dy[dyi], y[yi] > 0.0);
}
