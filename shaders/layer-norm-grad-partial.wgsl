// Layer norm, gradient of weight and bias, stage 1: sums over every lanes-th pixel of a plane; batch-norm-grad-sums.wgsl adds them.
//   partial[c,k] = (sum of dy * z, sum of dy)        z = (x - mean) / deviation;  k = image * lanes + lane
// One invocation per partial; grid = C*K / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/plane-share.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // partials of this run of channels
  plane: u32, lanes: u32, images: u32,                                 // P = H*W, invocations that share a plane, N
  first: u32,                         // partial of this run's first channel
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [N,P,2]: mean, 1 / deviation
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;    // [C,K,2], K = N * lanes
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let xBase = (share.image * params.xChannels + params.xOffset + share.channel) * params.plane;
  let dyBase = (share.image * params.dyChannels + params.dyOffset + share.channel) * params.plane;
  var sumZ = 0.0;
  var sum = 0.0;
  for (var p = share.lane; p < params.plane; p += params.lanes) {
    let t = 2u * (share.image * params.plane + p);
    let d = f32(dy[dyBase + p]);
    sumZ += d * (f32(x[xBase + p]) - table[t]) * table[t + 1u];
    sum += d;
  }
  let to = 2u * (params.first + e);
  partial[to] = sumZ;
  partial[to + 1u] = sum;
}
