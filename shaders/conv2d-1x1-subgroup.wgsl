// Convolution 1x1 with stride 1, NCHW, for adapters with subgroups of at least 8: computes what conv2d-1x1.wgsl does.
//   y[n,o,p] = act(bias[o] + sum over c of x[n,c,p] * weight[o,c])
// An invocation computes 2 pixels, half a plane apart, times 24 output channels, two input channels at a time. Invocations of a subgroup
// load a vector of weights each and hand them round: 2 loads of x and 1 of weights serve 48 products.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (ACCUMULATE) add.
// grid = (N*ceil(P/2) / WG folded into x and y, ceil(outChannels / 24))
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/normalised-subgroup.wgsl
enable subgroups;
override WG: u32 = 64;                // invocations per workgroup
override ACCUMULATE: bool = false;    // y already holds the sum over earlier input channels
struct Params {
  count: u32, half: u32,              // N*ceil(P/2), ceil(P/2)
  plane: u32,                         // P = H*W
  inChannels: u32, outChannels: u32,  // of this dispatch; octets * inChannels <= 2048
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless ACCUMULATE
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,P]
@group(0) @binding(1) var<uniform> weight: array<vec4f, 4096>;     // [octets,inChannels,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,P]
@group(0) @binding(4) var<storage, read> table: array<f32>;        // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(5) var<uniform> params: Params;

// Sums of 8 output channels at two pixels.
struct Octet { low0: vec4f, high0: vec4f, low1: vec4f, high1: vec4f }

fn plus(s: Octet, low: vec4f, high: vec4f, pixels: vec2f) -> Octet {
  return Octet(s.low0 + low * pixels.x, s.high0 + high * pixels.x, s.low1 + low * pixels.y, s.high1 + high * pixels.y);
}

fn store(at: u32, channel: u32, sum: f32) {
  if (channel >= params.outChannels) { return; }
  let place = at + channel * params.plane;
  var value = sum;
  if (ACCUMULATE) { value += f32(y[place]); }
  y[place] = Map(select(value, max(value, 0.0), params.relu == 1u));
}

fn storeOctet(at: u32, first: u32, low: vec4f, high: vec4f) {
  store(at, first, low.x);
  store(at, first + 1u, low.y);
  store(at, first + 2u, low.z);
  store(at, first + 3u, low.w);
  store(at, first + 4u, high.x);
  store(at, first + 5u, high.y);
  store(at, first + 6u, high.z);
  store(at, first + 7u, high.w);
}

// Every invocation holds the bias of one of 8 output channels.
fn started(b: f32) -> Octet {
  let low = vec4f(subgroupBroadcast(b, 0u), subgroupBroadcast(b, 1u), subgroupBroadcast(b, 2u), subgroupBroadcast(b, 3u));
  let high = vec4f(subgroupBroadcast(b, 4u), subgroupBroadcast(b, 5u), subgroupBroadcast(b, 6u), subgroupBroadcast(b, 7u));
  return Octet(low, high, low, high);
}

fn loadBias(channel: u32) -> f32 {
  if (params.hasBias == 0u || ACCUMULATE) { return 0.0; }
  return bias[params.biasOffset + min(channel, params.outChannels - 1u)];
}

@compute @workgroup_size(WG, 1, 1)
fn main(
  @builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Invocations beyond the last repeat it for their subgroup's sake and store nothing; so do pixels beyond the plane.
  let flat = flatIndex(gid, nwg, WG);
  let index = min(flat, params.count - 1u);
  let n = index / params.half;
  let p0 = index - n * params.half;
  let p1 = p0 + params.half;
  let first = group.z * 24u;
  let octet = first / 8u;
  let octets = (params.outChannels + 7u) / 8u;
  let part = lane & 7u;
  // Vectors 0 and 1 of an input channel are the first octet's, and so on; octets beyond the last repeat it and are not stored.
  var at = (min(octet + part / 2u, octets - 1u) * params.inChannels) * 2u + (part & 1u);
  var s0 = started(loadBias(first + part));
  var s1 = started(loadBias(first + 8u + part));
  var s2 = started(loadBias(first + 16u + part));
  var source = (n * params.xChannels + params.xOffset) * params.plane + p0;
  let beside = select(0u, params.half, p1 < params.plane);
  for (var c = 0u; c < params.inChannels; c += 2u) {
    let second = c + 1u < params.inChannels;
    let step = select(0u, 1u, second);
    let wa = weight[at];
    let wb = weight[at + 2u * step];
    let aa = affineOfSubgroup(params.xOffset + c, part);
    let ab = affineOfSubgroup(params.xOffset + c + step, part);
    let pa = vec2f(normalised(f32(x[source]), aa), normalised(f32(x[source + beside]), aa));
    let next = source + step * params.plane;
    let pb = select(vec2f(), vec2f(normalised(f32(x[next]), ab), normalised(f32(x[next + beside]), ab)), second);
    s0 = plus(s0, subgroupBroadcast(wa, 0u), subgroupBroadcast(wa, 1u), pa);
    s1 = plus(s1, subgroupBroadcast(wa, 2u), subgroupBroadcast(wa, 3u), pa);
    s2 = plus(s2, subgroupBroadcast(wa, 4u), subgroupBroadcast(wa, 5u), pa);
    s0 = plus(s0, subgroupBroadcast(wb, 0u), subgroupBroadcast(wb, 1u), pb);
    s1 = plus(s1, subgroupBroadcast(wb, 2u), subgroupBroadcast(wb, 3u), pb);
    s2 = plus(s2, subgroupBroadcast(wb, 4u), subgroupBroadcast(wb, 5u), pb);
    at += 4u;
    source += 2u * params.plane;
  }
  if (flat >= params.count) { return; }
  let to = (n * params.yChannels + params.yOffset) * params.plane;
  storeOctet(to + p0, first, s0.low0, s0.high0);
  storeOctet(to + p0, first + 8u, s1.low0, s1.high0);
  storeOctet(to + p0, first + 16u, s2.low0, s2.high0);
  if (p1 >= params.plane) { return; }
  storeOctet(to + p1, first, s0.low1, s0.high1);
  storeOctet(to + p1, first + 8u, s1.low1, s1.high1);
  storeOctet(to + p1, first + 16u, s2.low1, s2.high1);
}
