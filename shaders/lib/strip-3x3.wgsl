// What the 3x3 convolutions by strips share: a strip is 4 rows, one dilation apart, of one column times 8 output channels, held in registers by one invocation.
// The shader has the bindings weight, bias, y and params.
// requires: lib/map.wgsl

// The 9 taps of one input channel for 8 output channels: two vectors per tap. 227 of them are the 64 KiB of a uniform binding.
alias Taps = array<vec4f, 18>;

// Six pixels of a column of x, a dilation apart, from above the strip to below it.
struct Column { top: vec4f, bottom: vec2f }

// Sums: channels (rows) by pixels of the strip (columns), of output channels 0 to 3 and 4 to 7.
struct Strip { low: mat4x4f, high: mat4x4f }

fn outer(channels: vec4f, pixels: vec4f) -> mat4x4f {
  return mat4x4f(channels * pixels.x, channels * pixels.y, channels * pixels.z, channels * pixels.w);
}

// The products of one input channel, whose weights are weight[t].
fn products(t: u32, left: Column, middle: Column, right: Column) -> Strip {
  var low = outer(weight[t][0], left.top);
  var high = outer(weight[t][1], left.top);
  low += outer(weight[t][2], middle.top);
  high += outer(weight[t][3], middle.top);
  low += outer(weight[t][4], right.top);
  high += outer(weight[t][5], right.top);
  low += outer(weight[t][6], vec4f(left.top.yzw, left.bottom.x));
  high += outer(weight[t][7], vec4f(left.top.yzw, left.bottom.x));
  low += outer(weight[t][8], vec4f(middle.top.yzw, middle.bottom.x));
  high += outer(weight[t][9], vec4f(middle.top.yzw, middle.bottom.x));
  low += outer(weight[t][10], vec4f(right.top.yzw, right.bottom.x));
  high += outer(weight[t][11], vec4f(right.top.yzw, right.bottom.x));
  low += outer(weight[t][12], vec4f(left.top.zw, left.bottom));
  high += outer(weight[t][13], vec4f(left.top.zw, left.bottom));
  low += outer(weight[t][14], vec4f(middle.top.zw, middle.bottom));
  high += outer(weight[t][15], vec4f(middle.top.zw, middle.bottom));
  low += outer(weight[t][16], vec4f(right.top.zw, right.bottom));
  high += outer(weight[t][17], vec4f(right.top.zw, right.bottom));
  return Strip(low, high);
}

fn storeSum(at: u32, channel: u32, sum: f32) {
  var value = sum;
  if (params.accumulate == 1u) { value += f32(y[at]); }
  else if (params.hasBias == 1u) { value += bias[params.biasOffset + channel]; }
  y[at] = Map(select(value, max(value, 0.0), params.relu == 1u));
}

// A strip that begins at pixel (i, j) of image n; of its rows, `step` pixels apart, those inside y.
fn storeStrip(sums: Strip, n: u32, octet: u32, i: u32, j: u32, step: u32) {
  let outPlane = params.outHeight * params.outWidth;
  let first = octet * 8u;
  let stored = min(8u, params.outChannels - first);
  let base = (n * params.yChannels + params.yOffset + first) * outPlane + i * params.outWidth + j;
  var low = sums.low;
  var high = sums.high;
  for (var q = 0u; q < 4u && i + q * step < params.outHeight; q++) {
    let at = base + q * step * params.outWidth;
    var channels = array<vec4f, 2>(low[q], high[q]);
    for (var k = 0u; k < stored; k++) { storeSum(at + k * outPlane, first + k, channels[k / 4u][k % 4u]); }
  }
}
