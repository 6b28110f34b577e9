// Layer norm over the channels of every pixel, statistics: two passes over a run of channels, merged with those of the runs before.
//   table[n,p] = (mean, sum of squared deviations) over the channels so far; after the last run (mean, 1 / sqrt(biased variance + eps))
// One invocation per pixel; grid = N*P / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/moments.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, plane: u32,             // N*P, P = H*W
  channels: u32, firstChannel: u32,   // of this run; the channels before it are in the table
  total: u32,                         // C
  eps: f32,
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> table: array<f32>;      // [N,P,2]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let n = e / params.plane;
  let base = (n * params.xChannels + params.xOffset) * params.plane + e - n * params.plane;
  let channels = f32(params.channels);
  var sum = 0.0;
  for (var c = 0u; c < params.channels; c++) { sum += f32(x[base + c * params.plane]); }
  let near = sum / channels;                                           // the mean but for rounding, which the second pass takes out
  var rest = 0.0;
  var squares = 0.0;
  for (var c = 0u; c < params.channels; c++) {
    let d = f32(x[base + c * params.plane]) - near;
    rest += d;
    squares += d * d;
  }
  let shift = rest / channels;
  var all = Moments(channels, near + shift, max(squares - rest * shift, 0.0));
  if (params.firstChannel > 0u) {
    all = mergeMoments(Moments(f32(params.firstChannel), table[2u * e], table[2u * e + 1u]), all);
  }
  let done = params.firstChannel + params.channels == params.total;
  table[2u * e] = all.mean;
  table[2u * e + 1u] = select(all.squares, inverseSqrt(all.squares / f32(params.total) + params.eps), done);
}
