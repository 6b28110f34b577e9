// Gradient of conv2d 1x1 without padding by its weight, first of two stages: the fast form of conv2d-grad-weight.wgsl.
//   partial[g,o,c] = sum over the pixels (n,i,j) of tile g of dy[n,o,i,j] * x[n,c, i*S, j*S]
// Tile g holds pixels [g*tile, (g+1)*tile) of the flat index over N*OH*OW. An invocation takes every WG-th pixel of its tile and holds
// 8 input times 8 output channels in registers: 16 loads serve 64 products. Then the workgroup adds its invocations in order, and
// conv2d-grad-sum.wgsl the tiles.
// grid = (ceil(inChannels / 8) * ceil(outChannels / 8) folded into x and y, tiles)
// requires: lib/map.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 32;                // invocations per workgroup; sums below holds WG * 64 numbers
override SUMS: u32 = 16u * WG;        // not in its place: wgpu cannot compile an expression as a size beside further overrides
struct Params {
  count: u32,                         // N*OH*OW pixels of dy
  tile: u32,                          // pixels per tile
  plane: u32, width: u32,             // H*W and W of x
  outHeight: u32, outWidth: u32,      // of dy
  stride: u32,                        // S, pixels
  inChannels: u32, outChannels: u32,  // of these runs
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [tiles,outChannels,inChannels]
@group(0) @binding(3) var<storage, read> table: array<f32>;            // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(4) var<uniform> params: Params;

// Products of one input and 4 output channels, by half octet of outputs, input channel and invocation.
var<workgroup> sums: array<vec4f, SUMS>;

fn normalisedChannels(x: vec4f, a0: Affine, a1: Affine, a2: Affine, a3: Affine) -> vec4f {
  return vec4f(normalised(x.x, a0), normalised(x.y, a1), normalised(x.z, a2), normalised(x.w, a3));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = group.z;
  let octets = group.y * nwg.x + group.x;  // the folded grid may be larger: beyond the last no output channel is stored
  let inOctets = (params.inChannels + 7u) / 8u;
  let firstOut = octets / inOctets * 8u;
  let firstIn = octets % inOctets * 8u;
  let outPlane = params.outHeight * params.outWidth;
  // Channels beyond the last repeat it and are not stored.
  let low = vec4u(0u, 1u, 2u, 3u);
  let high = vec4u(4u, 5u, 6u, 7u);
  let lastOut = vec4u(params.outChannels - 1u);
  let lastIn = vec4u(params.inChannels - 1u);
  let out0 = min(firstOut + low, lastOut) * outPlane;
  let out1 = min(firstOut + high, lastOut) * outPlane;
  let channels0 = min(firstIn + low, lastIn);
  let channels1 = min(firstIn + high, lastIn);
  let in0 = channels0 * params.plane;
  let in1 = channels1 * params.plane;
  let a0 = affineOf(params.xOffset + channels0.x);
  let a1 = affineOf(params.xOffset + channels0.y);
  let a2 = affineOf(params.xOffset + channels0.z);
  let a3 = affineOf(params.xOffset + channels0.w);
  let a4 = affineOf(params.xOffset + channels1.x);
  let a5 = affineOf(params.xOffset + channels1.y);
  let a6 = affineOf(params.xOffset + channels1.z);
  let a7 = affineOf(params.xOffset + channels1.w);

  var p = tile * params.tile + lane;
  let end = min((tile + 1u) * params.tile, params.count);
  // Position of pixel p, advanced by WG pixels without a division per step.
  var n = p / outPlane;
  var i = (p - n * outPlane) / params.outWidth;
  var j = p - n * outPlane - i * params.outWidth;
  let stepRows = WG / params.outWidth;
  let stepColumns = WG - stepRows * params.outWidth;
  var low0 = vec4f();
  var high0 = vec4f();
  var low1 = vec4f();
  var high1 = vec4f();
  var low2 = vec4f();
  var high2 = vec4f();
  var low3 = vec4f();
  var high3 = vec4f();
  var low4 = vec4f();
  var high4 = vec4f();
  var low5 = vec4f();
  var high5 = vec4f();
  var low6 = vec4f();
  var high6 = vec4f();
  var low7 = vec4f();
  var high7 = vec4f();
  while (p < end) {
    let xi = (n * params.xChannels + params.xOffset) * params.plane + i * params.stride * params.width + j * params.stride;
    let dyi = (n * params.dyChannels + params.dyOffset) * outPlane + i * params.outWidth + j;
    let dyLow = vec4f(Map4(dy[dyi + out0.x], dy[dyi + out0.y], dy[dyi + out0.z], dy[dyi + out0.w]));
    let dyHigh = vec4f(Map4(dy[dyi + out1.x], dy[dyi + out1.y], dy[dyi + out1.z], dy[dyi + out1.w]));
    let xLow = normalisedChannels(vec4f(Map4(x[xi + in0.x], x[xi + in0.y], x[xi + in0.z], x[xi + in0.w])), a0, a1, a2, a3);
    let xHigh = normalisedChannels(vec4f(Map4(x[xi + in1.x], x[xi + in1.y], x[xi + in1.z], x[xi + in1.w])), a4, a5, a6, a7);
    low0 += dyLow * xLow.x;
    high0 += dyHigh * xLow.x;
    low1 += dyLow * xLow.y;
    high1 += dyHigh * xLow.y;
    low2 += dyLow * xLow.z;
    high2 += dyHigh * xLow.z;
    low3 += dyLow * xLow.w;
    high3 += dyHigh * xLow.w;
    low4 += dyLow * xHigh.x;
    high4 += dyHigh * xHigh.x;
    low5 += dyLow * xHigh.y;
    high5 += dyHigh * xHigh.y;
    low6 += dyLow * xHigh.z;
    high6 += dyHigh * xHigh.z;
    low7 += dyLow * xHigh.w;
    high7 += dyHigh * xHigh.w;
    p += WG;
    i += stepRows;
    j += stepColumns;
    if (j >= params.outWidth) { j -= params.outWidth; i++; }
    while (i >= params.outHeight) { i -= params.outHeight; n++; }
  }
  sums[0u * WG + lane] = low0;
  sums[1u * WG + lane] = low1;
  sums[2u * WG + lane] = low2;
  sums[3u * WG + lane] = low3;
  sums[4u * WG + lane] = low4;
  sums[5u * WG + lane] = low5;
  sums[6u * WG + lane] = low6;
  sums[7u * WG + lane] = low7;
  sums[8u * WG + lane] = high0;
  sums[9u * WG + lane] = high1;
  sums[10u * WG + lane] = high2;
  sums[11u * WG + lane] = high3;
  sums[12u * WG + lane] = high4;
  sums[13u * WG + lane] = high5;
  sums[14u * WG + lane] = high6;
  sums[15u * WG + lane] = high7;
  workgroupBarrier();
  // One weight each: the invocations' sums in order.
  for (var e = lane; e < 64u; e += WG) {
    let row = e / 4u;
    var sum = 0.0;
    for (var k = 0u; k < min(WG, params.tile); k++) { sum += sums[row * WG + k][e % 4u]; }
    let o = firstOut + row / 8u * 4u + e % 4u;
    let c = firstIn + row % 8u;
    if (o < params.outChannels && c < params.inChannels) {
      partial[(tile * params.outChannels + o) * params.inChannels + c] = sum;
    }
  }
}
