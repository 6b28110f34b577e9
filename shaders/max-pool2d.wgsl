// Max pooling, NCHW; padding never wins.
//   y[n,c,i,j] = max over u, v < K of x[n,c, i*S-P+u, j*S-P+v]     ties: first in row-major order, as PyTorch
//   index = row * W + column of the winner
// One invocation per pixel of y and group of CHANNELS channels, which share the window; grid = (ceil(OH*OW / WG), ceil(C / CHANNELS), N).
// requires: lib/map.wgsl
// requires: lib/window.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override CHANNELS: u32 = 8;           // channels per invocation
struct Params {
  kernelSize: u32, stride: u32, padding: u32,                          // K, S, P, pixels
  height: u32, width: u32, outHeight: u32, outWidth: u32,
  channels: u32,                      // C of this run
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
  indexChannels: u32, indexOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;          // [N,yChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> index: array<u32>;      // [N,indexChannels,OH,OW]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let outPlane = params.outHeight * params.outWidth;
  let plane = params.height * params.width;
  let end = min((group.y + 1) * CHANNELS, params.channels);
  for (var p = gid.x; p < outPlane; p += groups.x * WG) {
    let i = quotient(p, params.outWidth);
    let rows = windowSpan(i, params.kernelSize, params.stride, params.padding, params.height);
    let columns = windowSpan(p - i * params.outWidth, params.kernelSize, params.stride, params.padding, params.width);
    for (var c = group.y * CHANNELS; c < end; c++) {
      let base = (group.z * params.xChannels + params.xOffset + c) * plane;
      var winner = rows.first * params.width + columns.first;
      var best = f32(x[base + winner]);
      for (var row = rows.first; row < rows.end; row++) {
        for (var column = columns.first; column < columns.end; column++) {
          let at = row * params.width + column;
          let v = f32(x[base + at]);
          if (v > best) { best = v; winner = at; }
        }
      }
      y[(group.z * params.yChannels + params.yOffset + c) * outPlane + p] = Map(best);
      index[(group.z * params.indexChannels + params.indexOffset + c) * outPlane + p] = winner;
    }
  }
}
