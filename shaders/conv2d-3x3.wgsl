// Convolution 3x3 with stride 1, NCHW: the fast form of conv2d.wgsl, and with flipped, transposed weights of conv2d-grad-input.wgsl.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i+u-P, j+v-P] * weight[o,c,u,v])     outside x: 0
// Few channels leave nothing to tile in workgroup memory: an invocation computes 4 rows of one column times 8 output channels, so
// that 18 loads of x serve 288 products, and reads the weights (packed by conv2d-pack.wgsl) by a uniform index from a uniform buffer.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// grid = (N*ceil(OH/4)*OW / WG folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*ceil(OH/4)*OW strips
  strips: u32,                        // ceil(OH/4)
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y: height + 2*padding - 2
  padding: u32,                       // P, pixels, at most 2
  inChannels: u32, outChannels: u32,  // of this dispatch; octets * inChannels <= 227
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless accumulate
  accumulate: u32,                    // 1: y already holds the sum over earlier input channels
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
// The 9 taps of one input channel for 8 output channels: two vectors per tap. 227 of them are the 64 KiB of a uniform binding.
alias Taps = array<vec4f, 18>;
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<uniform> weight: array<Taps, 227>;       // [octets,inChannels,3,3,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<storage, read> table: array<f32>;        // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(5) var<uniform> params: Params;

// Six pixels of a column of x, from the row above the strip to the row below it.
struct Column { top: vec4f, bottom: vec2f }

fn loadColumn(top: vec4u, bottom: vec2u, topIn: vec4<bool>, bottomIn: vec2<bool>, affine: Affine) -> Column {
  let a = normalisedQuad(vec4f(Map4(x[top.x], x[top.y], x[top.z], x[top.w])), affine);
  let b = vec2f(normalised(f32(x[bottom.x]), affine), normalised(f32(x[bottom.y]), affine));
  return Column(select(vec4f(), a, topIn), select(vec2f(), b, bottomIn));
}

// Channels (rows) by pixels of the strip (columns).
fn outer(channels: vec4f, pixels: vec4f) -> mat4x4f {
  return mat4x4f(channels * pixels.x, channels * pixels.y, channels * pixels.z, channels * pixels.w);
}

fn store(at: u32, channel: u32, sum: f32) {
  var value = sum;
  if (params.accumulate == 1u) { value += f32(y[at]); }
  else if (params.hasBias == 1u) { value += bias[params.biasOffset + channel]; }
  y[at] = Map(select(value, max(value, 0.0), params.relu == 1u));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let strip = flatIndex(gid, nwg, WG);
  if (strip >= params.count) { return; }
  let j = strip % params.outWidth;
  let nk = strip / params.outWidth;
  let n = nk / params.strips;
  let i = (nk - n * params.strips) * 4u;
  let plane = params.height * params.width;

  // Places in a plane of the 6x3 pixels under the strip's windows; those outside are clamped and their value replaced by 0.
  let rowTop = vec4i(i32(i) - i32(params.padding)) + vec4i(0, 1, 2, 3);
  let rowBottom = rowTop.xy + 4;
  let column = vec3i(i32(j) - i32(params.padding)) + vec3i(0, 1, 2);
  let topIn = (rowTop >= vec4i()) & (rowTop < vec4i(i32(params.height)));
  let bottomIn = (rowBottom >= vec2i()) & (rowBottom < vec2i(i32(params.height)));
  let columnIn = (column >= vec3i()) & (column < vec3i(i32(params.width)));
  let top = select(vec4u(), vec4u(rowTop), topIn) * params.width;
  let bottom = select(vec2u(), vec2u(rowBottom), bottomIn) * params.width;
  let columns = select(vec3u(), vec3u(column), columnIn);

  let octet = group.z;
  var low = mat4x4f();
  var high = mat4x4f();
  var base = (n * params.xChannels + params.xOffset) * plane;
  for (var c = 0u; c < params.inChannels; c++) {
    let t = octet * params.inChannels + c;
    let affine = affineOf(params.xOffset + c);
    let left = loadColumn(top + base + columns.x, bottom + base + columns.x, topIn & vec4(columnIn.x), bottomIn & vec2(columnIn.x), affine);
    let middle = loadColumn(top + base + columns.y, bottom + base + columns.y, topIn & vec4(columnIn.y), bottomIn & vec2(columnIn.y), affine);
    let right = loadColumn(top + base + columns.z, bottom + base + columns.z, topIn & vec4(columnIn.z), bottomIn & vec2(columnIn.z), affine);
    low += outer(weight[t][0], left.top);
    high += outer(weight[t][1], left.top);
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
    base += plane;
  }

  let outPlane = params.outHeight * params.outWidth;
  let first = octet * 8u;
  let stored = min(8u, params.outChannels - first);
  for (var q = 0u; q < min(4u, params.outHeight - i); q++) {
    let at = (n * params.yChannels + params.yOffset + first) * outPlane + (i + q) * params.outWidth + j;
    var sums = array<vec4f, 2>(low[q], high[q]);
    for (var k = 0u; k < stored; k++) { store(at + k * outPlane, first + k, sums[k / 4u][k % 4u]); }
  }
}
