// Rectified linear unit on a run of channels, NCHW.
//   y[n,c,i] = max(x[n,c,i], 0)
// One invocation per element; grid = ceil(N*C*P / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*C*P elements in this run
  channels: u32,                      // C of this run
  plane: u32,                         // P = H*W
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;            // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;      // [N,yChannels,P]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count) { return; }
  let p = i % params.plane;
  let nc = i / params.plane;
  let c = nc % params.channels;
  let n = nc / params.channels;
  let xi = (n * params.xChannels + params.xOffset + c) * params.plane + p;
  let yi = (n * params.yChannels + params.yOffset + c) * params.plane + p;
  y[yi] = max(x[xi], 0.0);
}
