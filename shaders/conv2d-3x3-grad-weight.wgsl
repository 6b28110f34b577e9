// Gradient of conv2d 3x3 with stride 1 by its weight, first of two stages: the fast form of conv2d-grad-weight.wgsl.
//   partial[g,o,c,u,v] = sum over the pixels (n,i,j) of tile g of dy[n,o,i,j] * x[n,c, i+u*D-P, j+v*D-P]
// A strip is `rows` pixels, D apart, of one column of one image; tile g holds the strips [g*WG*depth, (g+1)*WG*depth) of the flat index over
// (n, chunk of rows, column). An invocation walks down its strips with the 3x3 window in registers: 3 loads of x and 8 of dy serve
// 72 products. Then the workgroup adds its invocations in order, and conv2d-grad-sum.wgsl the tiles.
// grid = (inChannels * ceil(outChannels / 8) folded into x and y, tiles)
// requires: lib/map.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 32;                // invocations per workgroup; sums below holds WG * 72 numbers
override SUMS: u32 = 18u * WG;        // not in its place: wgpu cannot compile an expression as a size beside further overrides
struct Params {
  count: u32,                         // N*chunks*OW strips
  rows: u32, chunks: u32,             // pixels per strip, strips per column = D * ceil(OH / (D*rows))
  depth: u32,                         // strips per invocation
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of dy: height + 2*padding - 2*dilation
  padding: u32, dilation: u32,        // P, at most 2*D, and D, pixels
  inChannels: u32, outChannels: u32,  // of these runs
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [tiles,outChannels,inChannels,3,3]
@group(0) @binding(3) var<storage, read> table: array<f32>;            // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(4) var<uniform> params: Params;

// Products of one tap and 4 output channels, by half octet, tap and invocation.
var<workgroup> sums: array<vec4f, SUMS>;

// Three pixels of a row of x side by side.
fn loadRow(plane: u32, row: i32, columns: vec3u, columnIn: vec3<bool>, affine: Affine) -> vec3f {
  let rowIn = row >= 0 && row < i32(params.height);
  let at = plane + select(0u, u32(row), rowIn) * params.width + columns;
  let v = vec3f(normalised(f32(x[at.x]), affine), normalised(f32(x[at.y]), affine), normalised(f32(x[at.z]), affine));
  return select(vec3f(), v, columnIn & vec3(rowIn));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = group.z;
  // The folded grid may be larger than the channels: octets beyond the last find no output channel to store.
  let octet = (group.y * nwg.x + group.x) / params.inChannels;
  let c = (group.y * nwg.x + group.x) % params.inChannels;
  let plane = params.height * params.width;
  let outPlane = params.outHeight * params.outWidth;
  // Output channels beyond the last repeat it and are not stored.
  let last = params.outChannels - 1u;
  let low = min(vec4u(octet * 8u) + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * outPlane;
  let high = min(vec4u(octet * 8u) + vec4u(4u, 5u, 6u, 7u), vec4u(last)) * outPlane;
  let affine = affineOf(params.xOffset + c);
  let dilation = i32(params.dilation);
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
  var low8 = vec4f();
  var high8 = vec4f();
  for (var k = 0u; k < params.depth; k++) {
    let strip = (tile * params.depth + k) * WG + lane;
    if (strip >= params.count) { break; }
    let j = strip % params.outWidth;
    let nk = strip / params.outWidth;
    let n = nk / params.chunks;
    let chunk = nk - n * params.chunks;
    let begin = chunk / params.dilation * params.rows * params.dilation + chunk % params.dilation;
    let end = min(begin + params.rows * params.dilation, params.outHeight);
    let column = vec3i(i32(j) - i32(params.padding)) + dilation * vec3i(0, 1, 2);
    let columnIn = (column >= vec3i()) & (column < vec3i(i32(params.width)));
    let columns = select(vec3u(), vec3u(column), columnIn);
    let xPlane = (n * params.xChannels + params.xOffset + c) * plane;
    var at = (n * params.dyChannels + params.dyOffset) * outPlane + begin * params.outWidth + j;
    var row = i32(begin) - i32(params.padding);
    var top = loadRow(xPlane, row, columns, columnIn, affine);
    var middle = loadRow(xPlane, row + dilation, columns, columnIn, affine);
    for (var i = begin; i < end; i += params.dilation) {
      let bottom = loadRow(xPlane, row + 2 * dilation, columns, columnIn, affine);
      let d0 = low + at;
      let d1 = high + at;
      let dyLow = vec4f(Map4(dy[d0.x], dy[d0.y], dy[d0.z], dy[d0.w]));
      let dyHigh = vec4f(Map4(dy[d1.x], dy[d1.y], dy[d1.z], dy[d1.w]));
      low0 += dyLow * top.x;
      high0 += dyHigh * top.x;
      low1 += dyLow * top.y;
      high1 += dyHigh * top.y;
      low2 += dyLow * top.z;
      high2 += dyHigh * top.z;
      low3 += dyLow * middle.x;
      high3 += dyHigh * middle.x;
      low4 += dyLow * middle.y;
      high4 += dyHigh * middle.y;
      low5 += dyLow * middle.z;
      high5 += dyHigh * middle.z;
      low6 += dyLow * bottom.x;
      high6 += dyHigh * bottom.x;
      low7 += dyLow * bottom.y;
      high7 += dyHigh * bottom.y;
      low8 += dyLow * bottom.z;
      high8 += dyHigh * bottom.z;
      top = middle;
      middle = bottom;
      row += dilation;
      at += params.dilation * params.outWidth;
    }
  }
  sums[0u * WG + lane] = low0;
  sums[1u * WG + lane] = low1;
  sums[2u * WG + lane] = low2;
  sums[3u * WG + lane] = low3;
  sums[4u * WG + lane] = low4;
  sums[5u * WG + lane] = low5;
  sums[6u * WG + lane] = low6;
  sums[7u * WG + lane] = low7;
  sums[8u * WG + lane] = low8;
  sums[9u * WG + lane] = high0;
  sums[10u * WG + lane] = high1;
  sums[11u * WG + lane] = high2;
  sums[12u * WG + lane] = high3;
  sums[13u * WG + lane] = high4;
  sums[14u * WG + lane] = high5;
  sums[15u * WG + lane] = high6;
  sums[16u * WG + lane] = high7;
  sums[17u * WG + lane] = high8;
  workgroupBarrier();
  // One weight each: the invocations' sums in order.
  for (var e = lane; e < 72u; e += WG) {
    let row = e / 4u;
    var sum = 0.0;
    for (var k = 0u; k < min(WG, params.count); k++) { sum += sums[row * WG + k][e % 4u]; }
    let o = octet * 8u + row / 9u * 4u + e % 4u;
    if (o < params.outChannels) { partial[((tile * params.outChannels + o) * params.inChannels + c) * 9u + row % 9u] = sum; }
  }
}
