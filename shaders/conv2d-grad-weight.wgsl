// Gradient of conv2d by its weight, first of two stages: split-K over the pixels of dy.
//   partial[g,o,c,u,v] = sum over the pixels (n,i,j) of tile g of dy[n,o,i,j] * x[n,c, i*S + u*D - P, j*S + v*D - P]
// Tile g holds pixels [g*tile, (g+1)*tile) of the flat index over N*OH*OW; conv2d-grad-sum.wgsl adds the tiles in order.
// One workgroup per tile, tap (c,u,v) and 8 output channels; its invocations take every WG-th pixel and are added as a tree.
// grid = (inChannels*taps folded into x and y, tiles * ceil(outChannels / 8) in z)
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  count: u32,                         // N*OH*OW pixels of dy
  tile: u32, tiles: u32,              // pixels per tile, number of tiles
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of dy
  kernelHeight: u32, kernelWidth: u32,
  stride: u32, padding: u32, dilation: u32,
  inChannels: u32, outChannels: u32,  // of these runs
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [tiles,outChannels,inChannels,kernelHeight,kernelWidth]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> low: array<vec4f, WG>;
var<workgroup> high: array<vec4f, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let taps = params.kernelHeight * params.kernelWidth;
  let weights = params.inChannels * taps;
  let tap = group.y * nwg.x + group.x;
  let used = min(tap, weights - 1u);  // the folded grid may be larger than the taps
  let c = used / taps;
  let u = (used - c * taps) / params.kernelWidth;
  let v = used - c * taps - u * params.kernelWidth;
  let octet = group.z / params.tiles;
  let tile = group.z - octet * params.tiles;
  let first = octet * 8u;
  let outPlane = params.outHeight * params.outWidth;
  let plane = params.height * params.width;
  // Output channels beyond the last repeat it and are not stored.
  let last = params.outChannels - 1u;
  let channels0 = (params.dyOffset + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(last))) * outPlane;
  let channels1 = (params.dyOffset + min(vec4u(first) + vec4u(4u, 5u, 6u, 7u), vec4u(last))) * outPlane;

  var p = tile * params.tile + lane;
  let end = min((tile + 1u) * params.tile, params.count);
  // Position of pixel p, advanced by WG pixels without a division per step.
  var n = p / outPlane;
  var i = (p - n * outPlane) / params.outWidth;
  var j = p - n * outPlane - i * params.outWidth;
  let stepRows = WG / params.outWidth;
  let stepColumns = WG - stepRows * params.outWidth;
  var sum0 = vec4f();
  var sum1 = vec4f();
  while (p < end) {
    let row = i32(i * params.stride + u * params.dilation) - i32(params.padding);
    let column = i32(j * params.stride + v * params.dilation) - i32(params.padding);
    if (row >= 0 && row < i32(params.height) && column >= 0 && column < i32(params.width)) {
      let value = f32(x[(n * params.xChannels + params.xOffset + c) * plane + u32(row) * params.width + u32(column)]);
      let at = n * params.dyChannels * outPlane + i * params.outWidth + j;
      let d0 = channels0 + at;
      let d1 = channels1 + at;
      sum0 += value * vec4f(Map4(dy[d0.x], dy[d0.y], dy[d0.z], dy[d0.w]));
      sum1 += value * vec4f(Map4(dy[d1.x], dy[d1.y], dy[d1.z], dy[d1.w]));
    }
    p += WG;
    i += stepRows;
    j += stepColumns;
    if (j >= params.outWidth) { j -= params.outWidth; i++; }
    while (i >= params.outHeight) { i -= params.outHeight; n++; }
  }
  low[lane] = sum0;
  high[lane] = sum1;
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      low[lane] += low[lane + half];
      high[lane] += high[lane + half];
    }
  }
  workgroupBarrier();
  if (lane < 8u && first + lane < params.outChannels && tap < weights) {
    let value = select(low[0][lane & 3u], high[0][lane & 3u], lane >= 4u);
    partial[(tile * params.outChannels + first + lane) * weights + tap] = value;
  }
}
