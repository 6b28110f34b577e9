// Bilinear resampling to any size, NCHW, half-pixel centres, no antialiasing.
//   y[n,c,i,j] = interpolation of x[n,c] at ((i + 0.5) * H / OH - 0.5, (j + 0.5) * W / OW - 0.5), clamped to the image
// One invocation per pixel of y and group of CHANNELS channels, which share the weights; grid = (ceil(OH*OW / WG), ceil(C / CHANNELS), N).
// requires: lib/map.wgsl
// requires: lib/bilinear.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override CHANNELS: u32 = 8;           // channels per invocation
struct Params {
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
    let row = bilinearSource(i, params.height, params.outHeight);
    let column = bilinearSource(p - i * params.outWidth, params.width, params.outWidth);
    var base = (group.z * params.xChannels + params.xOffset + group.y * CHANNELS) * plane;
    var to = (group.z * params.yChannels + params.yOffset + group.y * CHANNELS) * outPlane + p;
    for (var c = group.y * CHANNELS; c < end; c++) {
      let upper = base + row.low * params.width;
      let lower = base + row.high * params.width;
      let above = mix(f32(x[upper + column.low]), f32(x[upper + column.high]), column.weight);
      let below = mix(f32(x[lower + column.low]), f32(x[lower + column.high]), column.weight);
      y[to] = Map(mix(above, below, row.weight));
      base += plane;
      to += outPlane;
    }
  }
}
