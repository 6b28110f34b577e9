// First stage of attention pooling: sums over every lanes-th pixel of a plane; partial-sum.wgsl adds them.
//   partials[n, column, lane] = sum over p = lane, lane + lanes, ... of a[n,p] * x[n,c,p], or of a alone
// One invocation per partial of this run of channels; grid = channels*N*lanes / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/plane-share.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // partials of this run of channels
  plane: u32, lanes: u32, images: u32,                                 // P = H*W, invocations that share a plane, N
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  columns: u32,                       // columns of the sums: C + 1
  firstColumn: u32,                   // column of the first channel of this run
  plain: u32,                         // 1: the sum of a alone; x is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> attention: array<Map>;        // [N,P]
@group(0) @binding(1) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;   // [N,columns,lanes]
@group(0) @binding(3) var<storage, read> table: array<f32>;            // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let aBase = share.image * params.plane;
  let xBase = (share.image * params.xChannels + params.xOffset + share.channel) * params.plane;
  let affine = affineOf(params.xOffset + share.channel);
  var sum = 0.0;
  for (var p = share.lane; p < params.plane; p += 4u * params.lanes) {
    let quad = planeQuad(p);
    let aAt = aBase + quad.at;
    let a = select(vec4f(), vec4f(Map4(attention[aAt.x], attention[aAt.y], attention[aAt.z], attention[aAt.w])), quad.inside);
    var v = vec4f(1.0);
    if (params.plain == 0u) {
      let xAt = xBase + quad.at;
      v = normalisedQuad(vec4f(Map4(x[xAt.x], x[xAt.y], x[xAt.z], x[xAt.w])), affine);
    }
    sum += dot(a, v);
  }
  partials[(share.image * params.columns + params.firstColumn + share.channel) * params.lanes + share.lane] = sum;
}
