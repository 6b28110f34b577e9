// Sum of two runs of channels, NCHW, in this order (more terms: one dispatch after the other).
//   y[n,c,i] = a[n,c,i] + b[n,c,i]
// One invocation per element; grid = ceil(N*C*P / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, channels: u32, plane: u32,
  aChannels: u32, aOffset: u32,       // channels in each buffer, first channel of this run there
  bChannels: u32, bOffset: u32,
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;            // [N,aChannels,P]
@group(0) @binding(1) var<storage, read> b: array<f32>;            // [N,bChannels,P]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;      // [N,yChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count) { return; }
  let p = i % params.plane;
  let nc = i / params.plane;
  let c = nc % params.channels;
  let n = nc / params.channels;
  let ai = (n * params.aChannels + params.aOffset + c) * params.plane + p;
  let bi = (n * params.bChannels + params.bOffset + c) * params.plane + p;
  y[(n * params.yChannels + params.yOffset + c) * params.plane + p] = a[ai] + b[bi];
}
