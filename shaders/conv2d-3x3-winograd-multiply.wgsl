// Second step of a 3x3 convolution by Winograd's F(4x4, 3x3): at each of the 36 frequencies the channels are mixed, for adapters with
// subgroups of at least 8.
//   products[f,o,t] = sum over c of weight[f,o,c] * x[f,c,t]
// An invocation computes 4 tiles, a quarter of them apart, times OCTETS * 8 output channels. 8 invocations load the weights of an input
// channel and hand them round: 4 loads of x and OCTETS of weights serve OCTETS * 32 products.
// grid = (ceil(quarter / WG), 36, ceil(octets / OCTETS))
enable subgroups;
override WG: u32 = 64;                // invocations per workgroup
override OCTETS: u32 = 5;             // octets of output channels per invocation, at most 5
struct Params {
  tiles: u32, quarter: u32,           // of this dispatch, ceil(tiles / 4)
  inChannels: u32, outChannels: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                      // [36,inChannels,tiles]
@group(0) @binding(1) var<storage, read> weight: array<f32>;                 // [36,octets,inChannels,8]
@group(0) @binding(2) var<storage, read_write> products: array<f32>;         // [36,outChannels,tiles]
@group(0) @binding(3) var<uniform> params: Params;

// Sums of 8 output channels (rows) at 4 tiles (columns).
struct Octet { low: mat4x4f, high: mat4x4f }

fn outer(channels: vec4f, tiles: vec4f) -> mat4x4f {
  return mat4x4f(channels * tiles.x, channels * tiles.y, channels * tiles.z, channels * tiles.w);
}

// Adds an input channel. w: the weight of the channel of this invocation, of eight.
fn plus(s: Octet, w: f32, tiles: vec4f) -> Octet {
  let low = vec4f(subgroupBroadcast(w, 0u), subgroupBroadcast(w, 1u), subgroupBroadcast(w, 2u), subgroupBroadcast(w, 3u));
  let high = vec4f(subgroupBroadcast(w, 4u), subgroupBroadcast(w, 5u), subgroupBroadcast(w, 6u), subgroupBroadcast(w, 7u));
  return Octet(s.low + outer(low, tiles), s.high + outer(high, tiles));
}

fn load(at: u32, used: bool) -> f32 {
  if (!used) { return 0.0; }
  return weight[at];
}

// The tiles of one output channel, of which those beyond the last are nobody's.
fn store(to: u32, t: u32, sums: vec4f) {
  let q = params.quarter;
  products[to + t] = sums.x;
  if (t + q < params.tiles) { products[to + t + q] = sums.y; }
  if (t + 2u * q < params.tiles) { products[to + t + 2u * q] = sums.z; }
  if (t + 3u * q < params.tiles) { products[to + t + 3u * q] = sums.w; }
}

fn storeOctet(frequency: u32, octet: u32, t: u32, s: Octet) {
  let low = transpose(s.low);
  let high = transpose(s.high);
  let stored = params.outChannels - min(8u * octet, params.outChannels);
  let to = (frequency * params.outChannels + 8u * octet) * params.tiles;
  if (stored > 0u) { store(to, t, low[0]); }
  if (stored > 1u) { store(to + params.tiles, t, low[1]); }
  if (stored > 2u) { store(to + 2u * params.tiles, t, low[2]); }
  if (stored > 3u) { store(to + 3u * params.tiles, t, low[3]); }
  if (stored > 4u) { store(to + 4u * params.tiles, t, high[0]); }
  if (stored > 5u) { store(to + 5u * params.tiles, t, high[1]); }
  if (stored > 6u) { store(to + 6u * params.tiles, t, high[2]); }
  if (stored > 7u) { store(to + 7u * params.tiles, t, high[3]); }
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  // Invocations beyond the last tile repeat it for their subgroup's sake and store nothing.
  let t = min(gid.x, params.quarter - 1u);
  let frequency = group.y;
  let octets = (params.outChannels + 7u) / 8u;
  let first = group.z * OCTETS;
  let stride = params.inChannels * 8u;
  // Octets beyond the last repeat it and are not stored.
  let at = (frequency * octets + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(octets - 1u))) * stride + (lane & 7u);
  let at4 = (frequency * octets + min(first + 4u, octets - 1u)) * stride + (lane & 7u);
  let last = params.tiles - 1u;
  let source = frequency * params.inChannels * params.tiles + min(t + vec4u(0u, 1u, 2u, 3u) * params.quarter, vec4u(last));
  var s0 = Octet();
  var s1 = Octet();
  var s2 = Octet();
  var s3 = Octet();
  var s4 = Octet();
  for (var c = 0u; c < params.inChannels; c++) {
    let w0 = load(at.x + 8u * c, true);
    let w1 = load(at.y + 8u * c, OCTETS > 1u);
    let w2 = load(at.z + 8u * c, OCTETS > 2u);
    let w3 = load(at.w + 8u * c, OCTETS > 3u);
    let w4 = load(at4 + 8u * c, OCTETS > 4u);
    let plane = c * params.tiles;
    let tiles = vec4f(x[plane + source.x], x[plane + source.y], x[plane + source.z], x[plane + source.w]);
    s0 = plus(s0, w0, tiles);
    if (OCTETS > 1u) { s1 = plus(s1, w1, tiles); }
    if (OCTETS > 2u) { s2 = plus(s2, w2, tiles); }
    if (OCTETS > 3u) { s3 = plus(s3, w3, tiles); }
    if (OCTETS > 4u) { s4 = plus(s4, w4, tiles); }
  }
  if (gid.x >= params.quarter) { return; }
  storeOctet(frequency, first, t, s0);
  if (OCTETS > 1u) { storeOctet(frequency, first + 1u, t, s1); }
  if (OCTETS > 2u) { storeOctet(frequency, first + 2u, t, s2); }
  if (OCTETS > 3u) { storeOctet(frequency, first + 3u, t, s3); }
  if (OCTETS > 4u) { storeOctet(frequency, first + 4u, t, s4); }
}
