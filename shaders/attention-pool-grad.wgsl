// Gradient of attention pooling by the features; the attention counts as a constant.
//   dx[n,c,p] = dy[n,c] * a[n,p] / (sum of a + eps)
// One invocation per pixel, channel of this run and image; grid = (ceil(P / WG), channels, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  dxChannels: u32, dxOffset: u32,     // channels in dx's buffer, first channel of this run there
  channels: u32,                      // C of the whole map
  firstChannel: u32,                  // first channel of this run
  eps: f32,                           // pixels
}
@group(0) @binding(0) var<storage, read> attention: array<Map>;        // [N,P]
@group(0) @binding(1) var<storage, read> sums: array<f32>;             // [N,C+1]
@group(0) @binding(2) var<storage, read> dy: array<f32>;               // [N,C]
@group(0) @binding(3) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let p = gid.x;
  let n = gid.z;
  if (p >= params.plane) { return; }
  let total = sums[n * (params.channels + 1u) + params.channels] + params.eps;
  let scale = dy[n * params.channels + params.firstChannel + gid.y] / total;
  dx[(n * params.dxChannels + params.dxOffset + gid.y) * params.plane + p] = Map(scale * f32(attention[n * params.plane + p]));
}
