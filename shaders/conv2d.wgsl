// Convolution (cross-correlation), NCHW, any kernel size, stride, padding and dilation; one group of channels.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i*S + u*D - P, j*S + v*D - P] * weight[o,c,u,v])     outside x: 0
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// One invocation per pixel of y and 8 output channels; grid = (N*OH*OW / WG folded into x and y, ceil(outChannels / 8)).
// requires: lib/map.wgsl
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*OH*OW pixels
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y
  kernelHeight: u32, kernelWidth: u32,
  stride: u32, padding: u32, dilation: u32,
  inChannels: u32, outChannels: u32,  // of this run
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
  weightChannels: u32,                // I of weight
  weightIn: u32, weightOut: u32,      // first input and output channel of this run in weight
  hasBias: u32,                       // 1: bias is added, unless accumulate
  accumulate: u32,                    // 1: y already holds the sum over earlier input channels
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [O,weightChannels,kernelHeight,kernelWidth]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let p = flatIndex(gid, nwg, WG);
  if (p >= params.count) { return; }
  let outPlane = params.outHeight * params.outWidth;
  let n = p / outPlane;
  let pixel = p - n * outPlane;
  let i = pixel / params.outWidth;
  let j = pixel - i * params.outWidth;
  let plane = params.height * params.width;
  let taps = params.kernelHeight * params.kernelWidth;
  let rowStride = params.weightChannels * taps;
  let first = gid.z * 8u;
  // Output channels beyond the last repeat it and are not stored.
  let last = params.outChannels - 1u;
  let low = (params.weightOut + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(last))) * rowStride + params.weightIn * taps;
  let high = (params.weightOut + min(vec4u(first) + vec4u(4u, 5u, 6u, 7u), vec4u(last))) * rowStride + params.weightIn * taps;
  var sum0 = vec4f();
  var sum1 = vec4f();
  for (var u = 0u; u < params.kernelHeight; u++) {
    let row = i32(i * params.stride + u * params.dilation) - i32(params.padding);
    if (row < 0 || row >= i32(params.height)) { continue; }
    for (var v = 0u; v < params.kernelWidth; v++) {
      let column = i32(j * params.stride + v * params.dilation) - i32(params.padding);
      if (column < 0 || column >= i32(params.width)) { continue; }
      var xi = (n * params.xChannels + params.xOffset) * plane + u32(row) * params.width + u32(column);
      var tap = u * params.kernelWidth + v;
      for (var c = 0u; c < params.inChannels; c++) {
        let value = f32(x[xi]);
        let w0 = low + tap;
        let w1 = high + tap;
        sum0 += value * vec4f(weight[w0.x], weight[w0.y], weight[w0.z], weight[w0.w]);
        sum1 += value * vec4f(weight[w1.x], weight[w1.y], weight[w1.z], weight[w1.w]);
        xi += plane;
        tap += taps;
      }
    }
  }
  for (var k = 0u; k < min(8u, params.outChannels - first); k++) {
    let yi = (n * params.yChannels + params.yOffset + first + k) * outPlane + pixel;
    var value = select(sum0[k & 3u], sum1[k & 3u], k >= 4u);
    if (params.accumulate == 1u) { value += f32(y[yi]); }
    else if (params.hasBias == 1u) { value += bias[params.weightOut + first + k]; }
    y[yi] = Map(select(value, max(value, 0.0), params.relu == 1u));
  }
}
