// Gradient of conv2d by its input, as a gather: every dx looks up the dy that its x had a part in.
//   dx[n,c,i,j] = sum over o, u, v of dy[n,o, (i + P - u*D) / S, (j + P - v*D) / S] * weight[o,c,u,v]     where S divides exactly
// A run of dy's channels is added to a run of dx's; later runs of dy add to what the first wrote (accumulate).
// One invocation per pixel of dx and 8 of its channels; grid = (N*H*W / WG folded into x and y, ceil(inChannels / 8)).
// requires: lib/map.wgsl
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*H*W pixels of dx
  height: u32, width: u32,            // of dx
  outHeight: u32, outWidth: u32,      // of dy
  kernelHeight: u32, kernelWidth: u32,
  stride: u32, padding: u32, dilation: u32,
  inChannels: u32, outChannels: u32,  // of these runs
  dxChannels: u32, dxOffset: u32,     // channels in dx's buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
  weightChannels: u32,                // I of weight
  weightIn: u32, weightOut: u32,      // first input and output channel of these runs in weight
  accumulate: u32,                    // 1: dx already holds the sum over earlier output channels
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;           // [N,dyChannels,OH,OW]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [O,weightChannels,kernelHeight,kernelWidth]
@group(0) @binding(2) var<storage, read_write> dx: array<Map>;     // [N,dxChannels,H,W]
@group(0) @binding(3) var<uniform> params: Params;

// Row or column of dy that tap `offset` (pixels from the window's start) connects with position `at` of x; -1 if none.
fn sourceOf(at: u32, offset: u32, limit: u32) -> i32 {
  let scaled = i32(at + params.padding) - i32(offset);
  if (scaled < 0) { return -1; }
  let source = u32(scaled) / params.stride;
  if (source >= limit || source * params.stride != u32(scaled)) { return -1; }
  return i32(source);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let p = flatIndex(gid, nwg, WG);
  if (p >= params.count) { return; }
  let plane = params.height * params.width;
  let n = p / plane;
  let pixel = p - n * plane;
  let i = pixel / params.width;
  let j = pixel - i * params.width;
  let outPlane = params.outHeight * params.outWidth;
  let taps = params.kernelHeight * params.kernelWidth;
  let rowStride = params.weightChannels * taps;
  let first = gid.z * 8u;
  // Channels of dx beyond the last repeat it and are not stored.
  let last = params.inChannels - 1u;
  let base = params.weightOut * rowStride;
  let low = base + (params.weightIn + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(last))) * taps;
  let high = base + (params.weightIn + min(vec4u(first) + vec4u(4u, 5u, 6u, 7u), vec4u(last))) * taps;
  var sum0 = vec4f();
  var sum1 = vec4f();
  for (var u = 0u; u < params.kernelHeight; u++) {
    let row = sourceOf(i, u * params.dilation, params.outHeight);
    if (row < 0) { continue; }
    for (var v = 0u; v < params.kernelWidth; v++) {
      let column = sourceOf(j, v * params.dilation, params.outWidth);
      if (column < 0) { continue; }
      var dyi = (n * params.dyChannels + params.dyOffset) * outPlane + u32(row) * params.outWidth + u32(column);
      var tap = u * params.kernelWidth + v;
      for (var o = 0u; o < params.outChannels; o++) {
        let value = f32(dy[dyi]);
        let w0 = low + tap;
        let w1 = high + tap;
        sum0 += value * vec4f(weight[w0.x], weight[w0.y], weight[w0.z], weight[w0.w]);
        sum1 += value * vec4f(weight[w1.x], weight[w1.y], weight[w1.z], weight[w1.w]);
        dyi += outPlane;
        tap += rowStride;
      }
    }
  }
  for (var k = 0u; k < min(8u, params.inChannels - first); k++) {
    let dxi = (n * params.dxChannels + params.dxOffset + first + k) * plane + pixel;
    var value = select(sum0[k & 3u], sum1[k & 3u], k >= 4u);
    if (params.accumulate == 1u) { value += f32(dx[dxi]); }
    dx[dxi] = Map(value);
  }
}
