// Dropout on a run of channels, NCHW; also its gradient, with dy in the place of x: the mask is computed anew, never stored.
//   y[i] = bits(i) < threshold ? 0 : x[i] / (1 - probability)       i = row-major index in the whole tensor
// Stochastic depth (PER_IMAGE): bits(n) of the image in the place of bits(i), so that images are kept or dropped as a whole.
// The bits depend on that index, on the random bits of this step and on the number of the layer, and on nothing else.
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/hash.wgsl
override WG: u32 = 64;                // invocations per workgroup
override PER_IMAGE: bool = false;      // true: one draw per image
struct Params {
  plane: u32,                         // P = H*W
  total: u32, firstChannel: u32,      // C of the whole tensor, first channel of this run
  threshold: u32,                     // probability * 2^32
  scale: f32,                         // 1 / (1 - probability)
  layer: u32,                         // tells the dropouts of one step apart
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> seed: array<u32>;             // [1]
@group(0) @binding(2) var<storage, read_write> y: array<Map>;          // [N,yChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stepBits = seed[0];
  let base = (group.z * params.total + params.firstChannel + group.y) * params.plane;
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let dropped = hash3(select(base + p, group.z, PER_IMAGE), stepBits, params.layer) < params.threshold;
    y[yBase + p] = Map(select(params.scale * f32(x[xBase + p]), 0.0, dropped));
  }
}
