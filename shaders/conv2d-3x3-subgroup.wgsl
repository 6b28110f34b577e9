// Convolution 3x3 with stride 1, NCHW, for adapters with subgroups of at least 8: computes what conv2d-3x3.wgsl does.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i+u-P, j+v-P] * weight[o,c,u,v])     outside x: 0
// An invocation computes 4 rows of one column times 8 output channels. It loads one column of x: those beside it come from the
// invocations beside it. 8 invocations load the weights of a tap, one output channel each, and hand them round. So 6 loads of x and 9
// of weights serve 288 products, where conv2d-3x3.wgsl takes 18 and 72.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// grid = (N*ceil(OH/4)*OW / WG folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/index.wgsl
enable subgroups;
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*ceil(OH/4)*OW strips
  strips: u32,                        // ceil(OH/4)
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y: height + 2*padding - 2
  padding: u32,                       // P, pixels, at most 2
  inChannels: u32, outChannels: u32,  // of this dispatch
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless accumulate
  accumulate: u32,                    // 1: y already holds the sum over earlier input channels
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
@group(0) @binding(0) var<storage, read> x: array<f32>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // [octets,inChannels,3,3,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<uniform> params: Params;

// Which columns beside its own an invocation must load itself: those inside x that no neighbour of the subgroup holds.
struct Sides { center: bool, loadLeft: bool, loadRight: bool, takeLeft: bool, takeRight: bool }

// Three pixels of a row of x side by side; at is the place of the one in the middle.
fn loadRow(at: u32, rowIn: bool, sides: Sides) -> vec3f {
  let middle = select(0.0, x[at], rowIn && sides.center);
  var left = select(0.0, subgroupShuffleUp(middle, 1u), sides.takeLeft);
  var right = select(0.0, subgroupShuffleDown(middle, 1u), sides.takeRight);
  if (sides.loadLeft && rowIn) { left = x[at - 1u]; }
  if (sides.loadRight && rowIn) { right = x[at + 1u]; }
  return vec3f(left, middle, right);
}

// Weights of output channels 0..3 and 4..7, of which every invocation holds one.
fn lowChannels(w: f32) -> vec4f {
  return vec4f(subgroupBroadcast(w, 0u), subgroupBroadcast(w, 1u), subgroupBroadcast(w, 2u), subgroupBroadcast(w, 3u));
}
fn highChannels(w: f32) -> vec4f {
  return vec4f(subgroupBroadcast(w, 4u), subgroupBroadcast(w, 5u), subgroupBroadcast(w, 6u), subgroupBroadcast(w, 7u));
}

// Channels (rows) by pixels of the strip (columns).
fn outer(channels: vec4f, pixels: vec4f) -> mat4x4f {
  return mat4x4f(channels * pixels.x, channels * pixels.y, channels * pixels.z, channels * pixels.w);
}

fn store(at: u32, channel: u32, sum: f32) {
  var value = sum;
  if (params.accumulate == 1u) { value += y[at]; }
  else if (params.hasBias == 1u) { value += bias[params.biasOffset + channel]; }
  y[at] = select(value, max(value, 0.0), params.relu == 1u);
}

@compute @workgroup_size(WG, 1, 1)
fn main(
  @builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u,
  @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32,
) {
  // Invocations beyond the last strip repeat it for their subgroup's sake and store nothing.
  let flat = flatIndex(gid, nwg, WG);
  let strip = min(flat, params.count - 1u);
  let j = strip % params.outWidth;
  let nk = strip / params.outWidth;
  let n = nk / params.strips;
  let i = (nk - n * params.strips) * 4u;
  let plane = params.height * params.width;

  // The column of x under the window's middle, and its neighbours'.
  let column = i32(j + 1u) - i32(params.padding);
  let before = subgroupShuffleUp(strip, 1u);
  let after = subgroupShuffleDown(strip, 1u);
  let takeLeft = lane > 0u && j > 0u && before + 1u == strip;
  let takeRight = lane + 1u < lanes && j + 1u < params.outWidth && after == strip + 1u;
  let last = i32(params.width) - 1;
  let loadLeft = !takeLeft && column >= 1 && column - 1 <= last;
  let loadRight = !takeRight && column + 1 >= 0 && column < last;
  let sides = Sides(column >= 0 && column <= last, loadLeft, loadRight, takeLeft, takeRight);
  // Places in a plane of the six pixels of that column; those outside x are clamped and their value replaced by 0.
  let top = i32(i) - i32(params.padding);
  let rows = vec4i(top) + vec4i(0, 1, 2, 3);
  let rowsBelow = rows.xy + 4;
  let rowIn = (rows >= vec4i()) & (rows < vec4i(i32(params.height)));
  let belowIn = (rowsBelow >= vec2i()) & (rowsBelow < vec2i(i32(params.height)));
  let places = select(vec4i(), rows, rowIn) * i32(params.width) + column;
  let placesBelow = select(vec2i(), rowsBelow, belowIn) * i32(params.width) + column;

  let octet = group.z;
  var low = mat4x4f();
  var high = mat4x4f();
  var base = i32((n * params.xChannels + params.xOffset) * plane);
  var at = octet * params.inChannels * 72u + (lane & 7u);
  for (var c = 0u; c < params.inChannels; c++) {
    let r0 = loadRow(u32(base + places.x), rowIn.x, sides);
    let r1 = loadRow(u32(base + places.y), rowIn.y, sides);
    let r2 = loadRow(u32(base + places.z), rowIn.z, sides);
    let r3 = loadRow(u32(base + places.w), rowIn.w, sides);
    let r4 = loadRow(u32(base + placesBelow.x), belowIn.x, sides);
    let r5 = loadRow(u32(base + placesBelow.y), belowIn.y, sides);
    let w0 = weight[at];
    let w1 = weight[at + 8u];
    let w2 = weight[at + 16u];
    let w3 = weight[at + 24u];
    let w4 = weight[at + 32u];
    let w5 = weight[at + 40u];
    let w6 = weight[at + 48u];
    let w7 = weight[at + 56u];
    let w8 = weight[at + 64u];
    low += outer(lowChannels(w0), vec4f(r0.x, r1.x, r2.x, r3.x));
    high += outer(highChannels(w0), vec4f(r0.x, r1.x, r2.x, r3.x));
    low += outer(lowChannels(w1), vec4f(r0.y, r1.y, r2.y, r3.y));
    high += outer(highChannels(w1), vec4f(r0.y, r1.y, r2.y, r3.y));
    low += outer(lowChannels(w2), vec4f(r0.z, r1.z, r2.z, r3.z));
    high += outer(highChannels(w2), vec4f(r0.z, r1.z, r2.z, r3.z));
    low += outer(lowChannels(w3), vec4f(r1.x, r2.x, r3.x, r4.x));
    high += outer(highChannels(w3), vec4f(r1.x, r2.x, r3.x, r4.x));
    low += outer(lowChannels(w4), vec4f(r1.y, r2.y, r3.y, r4.y));
    high += outer(highChannels(w4), vec4f(r1.y, r2.y, r3.y, r4.y));
    low += outer(lowChannels(w5), vec4f(r1.z, r2.z, r3.z, r4.z));
    high += outer(highChannels(w5), vec4f(r1.z, r2.z, r3.z, r4.z));
    low += outer(lowChannels(w6), vec4f(r2.x, r3.x, r4.x, r5.x));
    high += outer(highChannels(w6), vec4f(r2.x, r3.x, r4.x, r5.x));
    low += outer(lowChannels(w7), vec4f(r2.y, r3.y, r4.y, r5.y));
    high += outer(highChannels(w7), vec4f(r2.y, r3.y, r4.y, r5.y));
    low += outer(lowChannels(w8), vec4f(r2.z, r3.z, r4.z, r5.z));
    high += outer(highChannels(w8), vec4f(r2.z, r3.z, r4.z, r5.z));
    base += i32(plane);
    at += 72u;
  }
  if (flat >= params.count) { return; }

  let outPlane = params.outHeight * params.outWidth;
  let first = octet * 8u;
  let stored = min(8u, params.outChannels - first);
  for (var q = 0u; q < min(4u, params.outHeight - i); q++) {
    let at = (n * params.yChannels + params.yOffset + first) * outPlane + (i + q) * params.outWidth + j;
    var sums = array<vec4f, 2>(low[q], high[q]);
    for (var k = 0u; k < stored; k++) { store(at + k * outPlane, first + k, sums[k / 4u][k % 4u]); }
  }
}
