// Depthwise convolution (every channel a group of its own) of stride 1, NCHW; also its gradient by the input, with the weight flipped.
//   y[n,c,i,j] = act(bias[c] + sum over u, v < K of x[n,c, i + u - P, j + v - P] * weight[c,u,v])     outside x: 0
// Gradient: x is dy, y is dx, P is K - 1 less the padding of the convolution, and weight[c,K-1-u,K-1-v] is in the place of weight[c,u,v].
// One invocation per 8 rows of a column of y: for every column of taps a window of 8 rows slides down x, so that a pixel is loaded
// (7 + K) / 8 times per column of taps. grid = (strips*OW / WG, C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
override K: u32 = 7;                  // side of the kernel, pixels
override FLIP: bool = false;          // true: gradient by the input
struct Params {
  strips: u32,                        // ceil(OH / 8)
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y
  padding: u32,
  firstChannel: u32,                  // of this run
  hasBias: u32,                       // 1: bias is added
  relu: u32,                          // 1: y = max(y, 0)
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [C,1,K,K]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [C]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<uniform> params: Params;

// x at a row of the column that starts at `base`, 0 outside.
fn pixel(base: u32, row: i32) -> f32 {
  let inside = row >= 0 && row < i32(params.height);
  return select(0.0, f32(x[base + u32(clamp(row, 0, i32(params.height) - 1)) * params.width]), inside);
}

fn pixels(base: u32, row: i32) -> vec4f {
  return vec4f(pixel(base, row), pixel(base, row + 1), pixel(base, row + 2), pixel(base, row + 3));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u) {
  if (gid.x >= params.strips * params.outWidth) { return; }
  let strip = gid.x / params.outWidth;
  let j = gid.x - strip * params.outWidth;
  let first = 8u * strip;
  let channel = params.firstChannel + group.y;
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.height * params.width;
  let top = i32(first) - i32(params.padding);
  var low = vec4f();
  var high = vec4f();
  for (var v = 0u; v < K; v++) {
    let column = i32(j + v) - i32(params.padding);
    if (column < 0 || column >= i32(params.width)) { continue; }
    let base = xBase + u32(column);
    var upper = pixels(base, top);
    var lower = pixels(base, top + 4);
    for (var u = 0u; u < K; u++) {
      let tap = weight[channel * K * K + select(u * K + v, (K - 1u - u) * K + K - 1u - v, FLIP)];
      low += tap * upper;
      high += tap * lower;
      upper = vec4f(upper.yzw, lower.x);
      lower = vec4f(lower.yzw, pixel(base, top + i32(u) + 8));
    }
  }
  var offset = 0.0;
  if (params.hasBias == 1u) { offset = bias[channel]; }
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.outHeight * params.outWidth + j;
  for (var q = 0u; q < min(8u, params.outHeight - first); q++) {
    let sum = offset + select(low[q & 3u], high[q & 3u], q >= 4u);
    y[yBase + (first + q) * params.outWidth] = Map(select(sum, max(sum, 0.0), params.relu == 1u));
  }
}
