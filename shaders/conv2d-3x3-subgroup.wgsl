// Convolution 3x3 with stride 1 and padding 1, NCHW, for adapters with subgroups of at least 8: computes what conv2d-3x3.wgsl does.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i+u-1, j+v-1] * weight[o,c,u,v])     outside x: 0
// An invocation computes 4 rows of one column times 8 output channels. It loads one column of x: those beside it come from the
// invocations beside it. 8 invocations load the weights of an input channel and hand them round. So 6 loads of x and 3 of weights
// serve 288 products, where conv2d-3x3.wgsl takes 18 and 18.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (ACCUMULATE) add.
// grid = (N*ceil(H/4)*W / WG folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/normalised-subgroup.wgsl
enable subgroups;
override WG: u32 = 64;                // invocations per workgroup
override ACCUMULATE: bool = false;    // y already holds the sum over earlier input channels
override MOMENTS: bool = false;       // moments of what is written go into partial, for the batch norm behind; not with ACCUMULATE or relu
override FEW: bool = false;           // true: at most 4 output channels in all; the others' products are left out
struct Params {
  count: u32,                         // N*ceil(H/4)*W strips
  strips: u32,                        // ceil(H/4)
  height: u32, width: u32,            // of x and y
  inChannels: u32, outChannels: u32,  // of this dispatch; octets * inChannels <= 227
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias, and channel of partial, that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless ACCUMULATE
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
  groups: u32,                        // K = ceil(count / 8)
}
// The 9 taps of one input channel for 8 output channels: two vectors per tap. 227 of them are the 64 KiB of a uniform binding.
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<uniform> weight: array<vec4f, 4086>;     // [octets,inChannels,3,3,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,H,W]
@group(0) @binding(4) var<storage, read> table: array<f32>;        // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;  // [O,K,3] count, mean, squared deviations; unused without MOMENTS
@group(0) @binding(6) var<uniform> params: Params;

// Where an invocation finds the pixels beside its own: take them from its neighbours, or load the one that no neighbour holds.
struct Sides { takeLeft: bool, takeRight: bool, loadLeft: bool, loadRight: bool }

// Three pixels of a row of x side by side; at is the place of the one in the middle.
fn loadRow(at: u32, rowIn: bool, sides: Sides, affine: Affine) -> vec3f {
  let middle = select(0.0, normalised(f32(x[at]), affine), rowIn);
  var beside = 0.0;
  if (rowIn && (sides.loadLeft || sides.loadRight)) { beside = normalised(f32(x[select(at + 1u, at - 1u, sides.loadLeft)]), affine); }
  let left = select(select(0.0, beside, sides.loadLeft), subgroupShuffleUp(middle, 1u), sides.takeLeft);
  let right = select(select(0.0, beside, sides.loadRight), subgroupShuffleDown(middle, 1u), sides.takeRight);
  return vec3f(left, middle, right);
}

// Channels (rows) by pixels of the strip (columns).
fn outer(channels: vec4f, pixels: vec4f) -> mat4x4f {
  return mat4x4f(channels * pixels.x, channels * pixels.y, channels * pixels.z, channels * pixels.w);
}

fn store(at: u32, sum: f32, used: bool) {
  if (!used) { return; }
  var value = sum;
  if (ACCUMULATE) { value += f32(y[at]); }
  y[at] = Map(select(value, max(value, 0.0), params.relu == 1u));
}

// One pixel of 8 channels, of which `stored` exist.
fn storeChannels(first: u32, plane: u32, low: vec4f, high: vec4f, stored: u32) {
  store(first, low.x, stored > 0u);
  store(first + plane, low.y, stored > 1u);
  store(first + 2u * plane, low.z, stored > 2u);
  store(first + 3u * plane, low.w, stored > 3u);
  store(first + 4u * plane, high.x, stored > 4u);
  store(first + 5u * plane, high.y, stored > 5u);
  store(first + 6u * plane, high.z, stored > 6u);
  store(first + 7u * plane, high.w, stored > 7u);
}

// Over the eight invocations of a group.
fn groupSum(v: vec4f) -> vec4f {
  var s = v;
  s += subgroupShuffleXor(s, 1u);
  s += subgroupShuffleXor(s, 2u);
  s += subgroupShuffleXor(s, 4u);
  return s;
}

fn squaredDeviations(channels: mat4x4f, mean: vec4f, used: vec4f) -> vec4f {
  let d0 = channels[0] - mean;
  let d1 = channels[1] - mean;
  let d2 = channels[2] - mean;
  let d3 = channels[3] - mean;
  return groupSum(d0 * d0 * used.x + d1 * d1 * used.y + d2 * d2 * used.z + d3 * d3 * used.w);
}

// Moments of 8 channels at the strips of eight invocations, each of which stores those of one channel. used: 1 for pixels inside y.
fn storeMoments(low: mat4x4f, high: mat4x4f, used: vec4f, group: u32, channel: u32) {
  let count = groupSum(vec4f(used.x + used.y + used.z + used.w));
  let meanLow = groupSum(low * used) / max(count, vec4f(1.0));
  let meanHigh = groupSum(high * used) / max(count, vec4f(1.0));
  let squaresLow = squaredDeviations(low, meanLow, used);
  let squaresHigh = squaredDeviations(high, meanHigh, used);
  let part = channel & 7u;
  let lowPick = select(vec4f(), vec4f(1.0), vec4u(part) == vec4u(0u, 1u, 2u, 3u));
  let highPick = select(vec4f(), vec4f(1.0), vec4u(part) == vec4u(4u, 5u, 6u, 7u));
  if (channel >= params.outChannels || group >= params.groups) { return; }
  let to = 3u * ((params.biasOffset + channel) * params.groups + group);
  partial[to] = count.x;
  partial[to + 1u] = dot(meanLow, lowPick) + dot(meanHigh, highPick);
  partial[to + 2u] = dot(squaresLow, lowPick) + dot(squaresHigh, highPick);
}

@compute @workgroup_size(WG, 1, 1)
fn main(
  @builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u,
  @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32,
) {
  // Invocations beyond the last strip repeat it for their subgroup's sake and store nothing.
  let flat = flatIndex(gid, nwg, WG);
  let strip = min(flat, params.count - 1u);
  let j = strip % params.width;
  let nk = strip / params.width;
  let n = nk / params.strips;
  let i = (nk - n * params.strips) * 4u;
  let plane = params.height * params.width;

  let before = subgroupShuffleUp(strip, 1u);
  let after = subgroupShuffleDown(strip, 1u);
  let takeLeft = lane > 0u && j > 0u && before + 1u == strip;
  let takeRight = lane + 1u < lanes && j + 1u < params.width && after == strip + 1u;
  // Both at once does not happen: left is missing in a subgroup's first invocation, right in its last.
  let sides = Sides(takeLeft, takeRight, j > 0u && !takeLeft, j + 1u < params.width && !takeRight);
  // Places in a plane of the six pixels of that column; those above and below x are clamped and their value replaced by 0.
  let topIn = i > 0u;
  let belowIn = vec4<bool>(i + 1u < params.height, i + 2u < params.height, i + 3u < params.height, i + 4u < params.height);
  let own = i * params.width + j;
  let below = own + select(vec4u(), vec4u(1u, 2u, 3u, 4u) * params.width, belowIn);
  let above = select(own, own - params.width, topIn);

  let octet = group.z;
  let first = octet * 8u;
  let stored = min(8u, params.outChannels - first);
  let part = lane & 7u;
  var b = 0.0;
  if (params.hasBias == 1u && !ACCUMULATE) { b = bias[params.biasOffset + first + min(part, stored - 1u)]; }
  let low0 = vec4f(subgroupBroadcast(b, 0u), subgroupBroadcast(b, 1u), subgroupBroadcast(b, 2u), subgroupBroadcast(b, 3u));
  let high0 = vec4f(subgroupBroadcast(b, 4u), subgroupBroadcast(b, 5u), subgroupBroadcast(b, 6u), subgroupBroadcast(b, 7u));
  var low = mat4x4f(low0, low0, low0, low0);
  var high = mat4x4f(high0, high0, high0, high0);
  var base = (n * params.xChannels + params.xOffset) * plane;
  var at = octet * params.inChannels * 18u;
  for (var c = 0u; c < params.inChannels; c++) {
    // 18 vectors, two per tap.
    let w0 = weight[at + part];
    let w1 = weight[at + 8u + part];
    let w2 = weight[at + 16u + (part & 1u)];
    let affine = affineOfSubgroup(params.xOffset + c, part);
    let r0 = loadRow(base + above, topIn, sides, affine);
    let r1 = loadRow(base + own, true, sides, affine);
    let r2 = loadRow(base + below.x, belowIn.x, sides, affine);
    let r3 = loadRow(base + below.y, belowIn.y, sides, affine);
    let r4 = loadRow(base + below.z, belowIn.z, sides, affine);
    let r5 = loadRow(base + below.w, belowIn.w, sides, affine);
    low += outer(subgroupBroadcast(w0, 0u), vec4f(r0.x, r1.x, r2.x, r3.x));
    if (!FEW) { high += outer(subgroupBroadcast(w0, 1u), vec4f(r0.x, r1.x, r2.x, r3.x)); }
    low += outer(subgroupBroadcast(w0, 2u), vec4f(r0.y, r1.y, r2.y, r3.y));
    if (!FEW) { high += outer(subgroupBroadcast(w0, 3u), vec4f(r0.y, r1.y, r2.y, r3.y)); }
    low += outer(subgroupBroadcast(w0, 4u), vec4f(r0.z, r1.z, r2.z, r3.z));
    if (!FEW) { high += outer(subgroupBroadcast(w0, 5u), vec4f(r0.z, r1.z, r2.z, r3.z)); }
    low += outer(subgroupBroadcast(w0, 6u), vec4f(r1.x, r2.x, r3.x, r4.x));
    if (!FEW) { high += outer(subgroupBroadcast(w0, 7u), vec4f(r1.x, r2.x, r3.x, r4.x)); }
    low += outer(subgroupBroadcast(w1, 0u), vec4f(r1.y, r2.y, r3.y, r4.y));
    if (!FEW) { high += outer(subgroupBroadcast(w1, 1u), vec4f(r1.y, r2.y, r3.y, r4.y)); }
    low += outer(subgroupBroadcast(w1, 2u), vec4f(r1.z, r2.z, r3.z, r4.z));
    if (!FEW) { high += outer(subgroupBroadcast(w1, 3u), vec4f(r1.z, r2.z, r3.z, r4.z)); }
    low += outer(subgroupBroadcast(w1, 4u), vec4f(r2.x, r3.x, r4.x, r5.x));
    if (!FEW) { high += outer(subgroupBroadcast(w1, 5u), vec4f(r2.x, r3.x, r4.x, r5.x)); }
    low += outer(subgroupBroadcast(w1, 6u), vec4f(r2.y, r3.y, r4.y, r5.y));
    if (!FEW) { high += outer(subgroupBroadcast(w1, 7u), vec4f(r2.y, r3.y, r4.y, r5.y)); }
    low += outer(subgroupBroadcast(w2, 0u), vec4f(r2.z, r3.z, r4.z, r5.z));
    if (!FEW) { high += outer(subgroupBroadcast(w2, 1u), vec4f(r2.z, r3.z, r4.z, r5.z)); }
    base += plane;
    at += 18u;
  }
  if (MOMENTS) {
    let used = select(vec4f(), vec4f(1.0), vec4<bool>(true, belowIn.xyz) & vec4<bool>(flat < params.count));
    storeMoments(low, high, used, flat / 8u, first + part);
  }
  if (flat >= params.count) { return; }
  let to = (n * params.yChannels + params.yOffset + first) * plane + own;
  storeChannels(to, plane, low[0], high[0], stored);
  if (belowIn.x) { storeChannels(to + params.width, plane, low[1], high[1], stored); }
  if (belowIn.y) { storeChannels(to + 2u * params.width, plane, low[2], high[2], stored); }
  if (belowIn.z) { storeChannels(to + 3u * params.width, plane, low[3], high[3], stored); }
}
