// Gradient of average pooling, gathered from the windows that cover a pixel.
//   dx[n,c,i,j] = sum over windows o around (i,j) of dy[n,c,o] / pixels counted in o
// One invocation per pixel of dx and group of CHANNELS channels; grid = (ceil(H*W / WG), ceil(C / CHANNELS), N).
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
  dyChannels: u32, dyOffset: u32,     // channels in each buffer, first channel of this run there
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(1) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,H,W]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let outPlane = params.outHeight * params.outWidth;
  let plane = params.height * params.width;
  let end = min((group.y + 1) * CHANNELS, params.channels);
  for (var p = gid.x; p < plane; p += groups.x * WG) {
    let i = quotient(p, params.width);
    let rows = coveringWindows(i, params.kernelSize, params.stride, params.padding, params.outHeight);
    let columns = coveringWindows(p - i * params.width, params.kernelSize, params.stride, params.padding, params.outWidth);
    for (var c = group.y * CHANNELS; c < end; c++) {
      let base = (group.z * params.dyChannels + params.dyOffset + c) * outPlane;
      var sum = 0.0;
      for (var row = rows.first; row < rows.end; row++) {
        let high = windowLength(row, params.kernelSize, params.stride, params.padding, params.height, params.countIncludePad);
        for (var column = columns.first; column < columns.end; column++) {
          let wide = windowLength(column, params.kernelSize, params.stride, params.padding, params.width, params.countIncludePad);
          sum += f32(dy[base + row * params.outWidth + column]) / f32(high * wide);
        }
      }
      dx[(group.z * params.dxChannels + params.dxOffset + c) * plane + p] = Map(sum);
    }
  }
}
