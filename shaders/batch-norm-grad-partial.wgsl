// Batch norm, gradient of weight and bias, stage 1: sums over every lanes-th pixel of a plane.
//   g = dy, or 0 where the fused ReLU cut y off;  z = (x - mean) / deviation
//   partial[c,k] = (sum of g * z, sum of g)                               k = image * lanes + lane
// One invocation per partial; grid = C*K / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/batch-norm.wgsl
// requires: lib/plane-share.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // partials of this run of channels
  plane: u32, lanes: u32, images: u32,                                 // P = H*W, invocations that share a plane, N
  firstChannel: u32,                  // of this run
  relu: u32,                          // 1: y = max(y, 0) in the forward pass
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [xChannels,TABLE]
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;    // [C,K,2], K = N * lanes
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let share = planeShare(e);
  let row = (params.xOffset + share.channel) * TABLE;
  let mean = table[row + MEAN];
  let scale = table[row + SCALE];
  let bias = table[row + BIAS];
  let xBase = (share.image * params.xChannels + params.xOffset + share.channel) * params.plane;
  let dyBase = (share.image * params.dyChannels + params.dyOffset + share.channel) * params.plane;
  var sumZ = 0.0;
  var sum = 0.0;
  for (var p = share.lane; p < params.plane; p += 4u * params.lanes) {
    let quad = planeQuad(p);
    let xAt = xBase + quad.at;
    let dyAt = dyBase + quad.at;
    let v = vec4f(Map4(x[xAt.x], x[xAt.y], x[xAt.z], x[xAt.w]));
    let d = vec4f(Map4(dy[dyAt.x], dy[dyAt.y], dy[dyAt.z], dy[dyAt.w]));
    // The affine of every pixel as the forward pass computes it, so that both agree on y > 0.
    let y = vec4f(
      batchNormAffine(v.x, mean, scale, bias), batchNormAffine(v.y, mean, scale, bias),
      batchNormAffine(v.z, mean, scale, bias), batchNormAffine(v.w, mean, scale, bias),
    );
    let open = (y > vec4f()) | vec4<bool>(params.relu == 0u);
    let g = select(vec4f(), d, open & quad.inside);
    sumZ += dot(g, v - mean);
    sum += (g.x + g.y) + (g.z + g.w);
  }
  let to = 2u * (params.firstChannel * params.images * params.lanes + e);
  partial[to] = sumZ * table[row + INVERSE_DEVIATION];
  partial[to + 1u] = sum;
}
