// Batch norm, statistics, stage 1: moments of every lanes-th pixel of a plane.
//   partial[c,k] = (count, mean, sum of (x - mean)^2)                     k = image * lanes + lane
// Every invocation sums differences from its own first pixel, so that neither a large mean nor an outlier cancels.
// One invocation per partial; grid = C*K / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/plane-share.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // partials of this run of channels
  plane: u32, lanes: u32, images: u32,                                 // P = H*W, invocations that share a plane, N
  first: u32,                         // partial of this run's first channel
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;    // [C,K,3], K = N * lanes
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let base = (share.image * params.xChannels + params.xOffset + share.channel) * params.plane;
  let shift = f32(x[base + min(share.lane, params.plane - 1u)]);
  var sum = 0.0;
  var squares = 0.0;
  for (var p = share.lane; p < params.plane; p += 4u * params.lanes) {
    let quad = planeQuad(p);
    let at = base + quad.at;
    let d = select(vec4f(), vec4f(Map4(x[at.x], x[at.y], x[at.z], x[at.w])) - shift, quad.inside);
    sum += (d.x + d.y) + (d.z + d.w);
    squares += dot(d, d);
  }
  let count = f32((params.plane + params.lanes - 1u - share.lane) / params.lanes);
  let delta = sum / max(count, 1.0);
  let to = 3u * (params.first + e);
  partial[to] = count;
  partial[to + 1u] = shift + delta;
  partial[to + 2u] = max(squares - sum * delta, 0.0);
}
