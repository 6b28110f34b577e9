// Average pooling, NCHW.
//   y[n,c,i,j] = sum of x over the window of (i,j) / pixels counted: those in the image, with countIncludePad also the padding
// One invocation per pixel of y and group of CHANNELS channels, which share the window; grid = (ceil(OH*OW / WG), ceil(C / CHANNELS), N).
// requires: lib/map.wgsl
// requires: lib/window.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override CHANNELS: u32 = 8;           // channels per invocation
struct Params {
  kernelSize: u32, stride: u32, padding: u32,                          // pixels
  countIncludePad: u32,               // 0 or 1
  height: u32, width: u32, outHeight: u32, outWidth: u32,
  channels: u32,                      // C of this run
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;          // [N,yChannels,OH,OW]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let outPlane = params.outHeight * params.outWidth;
  let plane = params.height * params.width;
  let end = min((group.y + 1) * CHANNELS, params.channels);
  for (var p = gid.x; p < outPlane; p += groups.x * WG) {
    let i = quotient(p, params.outWidth);
    let j = p - i * params.outWidth;
    let rows = windowSpan(i, params.kernelSize, params.stride, params.padding, params.height);
    let columns = windowSpan(j, params.kernelSize, params.stride, params.padding, params.width);
    let high = windowLength(i, params.kernelSize, params.stride, params.padding, params.height, params.countIncludePad);
    let wide = windowLength(j, params.kernelSize, params.stride, params.padding, params.width, params.countIncludePad);
    for (var c = group.y * CHANNELS; c < end; c++) {
      let base = (group.z * params.xChannels + params.xOffset + c) * plane;
      var sum = 0.0;
      for (var row = rows.first; row < rows.end; row++) {
        for (var column = columns.first; column < columns.end; column++) { sum += f32(x[base + row * params.width + column]); }
      }
      y[(group.z * params.yChannels + params.yOffset + c) * outPlane + p] = Map(sum / f32(high * wide));
    }
  }
}
