// Gradient of a factor per channel by the factor, stage 1: sums over every lanes-th pixel of a plane; partial-sum.wgsl adds them.
//   partial[c,k] = sum of x * dy                                          k = image * lanes + lane
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
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [C,K], K = N * lanes
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let xBase = (share.image * params.xChannels + params.xOffset + share.channel) * params.plane;
  let dyBase = (share.image * params.dyChannels + params.dyOffset + share.channel) * params.plane;
  var sum = 0.0;
  for (var p = share.lane; p < params.plane; p += 4u * params.lanes) {
    let quad = planeQuad(p);
    let xAt = xBase + quad.at;
    let dyAt = dyBase + quad.at;
    let d = select(vec4f(), vec4f(Map4(dy[dyAt.x], dy[dyAt.y], dy[dyAt.z], dy[dyAt.w])), quad.inside);
    sum += dot(d, vec4f(Map4(x[xAt.x], x[xAt.y], x[xAt.z], x[xAt.w])));
  }
  partial[params.first + e] = sum;
}
