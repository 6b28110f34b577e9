// Gradient of conv2d by its bias, first of two stages: sums over every lanes-th pixel of a plane of dy; partial-sum.wgsl adds them.
//   partial[o,k] = sum of dy[n,o,p] over p = lane, lane + lanes, ...      k = n * lanes + lane
// One invocation per partial; grid = O*K / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/plane-share.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // partials of this run of channels
  plane: u32, lanes: u32, images: u32,                                 // P = OH*OW, invocations that share a plane, N
  first: u32,                         // partial of this run's first channel
  dyChannels: u32, dyOffset: u32,     // channels in dy's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;    // [O,K], K = N * lanes
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let base = (share.image * params.dyChannels + params.dyOffset + share.channel) * params.plane;
  var sum = 0.0;
  for (var p = share.lane; p < params.plane; p += 4u * params.lanes) {
    let quad = planeQuad(p);
    let at = base + quad.at;
    let d = select(vec4f(), vec4f(Map4(dy[at.x], dy[at.y], dy[at.z], dy[at.w])), quad.inside);
    sum += (d.x + d.y) + (d.z + d.w);
  }
  partial[params.first + e] = sum;
}
