// Gradient of conv2d 3x3 with stride 1 by its weight, first of two stages, for adapters with subgroups of at least 8: computes what
// conv2d-3x3-grad-weight.wgsl does.
//   partial[g,o,c,u,v] = sum over the pixels (n,i,j) of tile g of dy[n,o,i,j] * x[n,c, i+u-P, j+v-P]
// A strip is `rows` rows of 8 columns of one image; tile g holds the strips [g*depth, (g+1)*depth) of the flat index over
// (n, chunk of rows, 8 columns). Eight invocations of a subgroup share a tile. Each owns one output channel and 8 input channels: it
// reads dy of its channel, while x is loaded one column per invocation and handed round. So a row of a strip takes 8 loads of dy and
// about 11 of x for 576 products. Nothing is added across invocations; conv2d-grad-sum.wgsl adds the tiles in order.
// grid = 8 * tiles * ceil(inChannels / 8) * ceil(outChannels / 8) / WG folded into two dimensions
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/normalised.wgsl
enable subgroups;
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*chunks*columns strips
  tiles: u32, depth: u32,             // tiles, strips per tile
  rows: u32, chunks: u32,             // rows per strip, strips below each other = ceil(OH / rows)
  columns: u32,                       // strips side by side = ceil(OW / 8)
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of dy: height + 2*padding - 2
  padding: u32,                       // P, pixels, at most 2
  inChannels: u32, outChannels: u32,  // of these runs
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [tiles,outChannels,inChannels,3,3]
@group(0) @binding(3) var<storage, read> table: array<f32>;            // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(4) var<uniform> params: Params;

// dy of one column of the strip in the newest row and the two before it: what a row of x meets at u = 0, 1, 2.
struct Rows { c0: vec3f, c1: vec3f, c2: vec3f, c3: vec3f, c4: vec3f, c5: vec3f, c6: vec3f, c7: vec3f }

// Ten pixels of a row of x, as the eight invocations hold them: column e of the strip's window, and columns 8 and 9.
struct Pixels { own: f32, beyond: f32 }

// Adds the products of one row of x to the 3x3 sums (columns u, rows v) of an input channel.
fn products(sum: mat3x3f, p: Pixels, d: Rows, head: u32) -> mat3x3f {
  let p0 = subgroupShuffle(p.own, head);
  let p1 = subgroupShuffle(p.own, head + 1u);
  let p2 = subgroupShuffle(p.own, head + 2u);
  let p3 = subgroupShuffle(p.own, head + 3u);
  let p4 = subgroupShuffle(p.own, head + 4u);
  let p5 = subgroupShuffle(p.own, head + 5u);
  let p6 = subgroupShuffle(p.own, head + 6u);
  let p7 = subgroupShuffle(p.own, head + 7u);
  let p8 = subgroupShuffle(p.beyond, head);
  let p9 = subgroupShuffle(p.beyond, head + 1u);
  var s = sum;
  s += outer(vec3f(p0, p1, p2), d.c0);
  s += outer(vec3f(p1, p2, p3), d.c1);
  s += outer(vec3f(p2, p3, p4), d.c2);
  s += outer(vec3f(p3, p4, p5), d.c3);
  s += outer(vec3f(p4, p5, p6), d.c4);
  s += outer(vec3f(p5, p6, p7), d.c5);
  s += outer(vec3f(p6, p7, p8), d.c6);
  s += outer(vec3f(p7, p8, p9), d.c7);
  return s;
}

fn outer(pixels: vec3f, d: vec3f) -> mat3x3f {
  return mat3x3f(pixels * d.x, pixels * d.y, pixels * d.z);
}

// The pixels of input channel k of the block (the last one again beyond it) in the row that starts at `at` of the first channel.
fn load(k: u32, at: i32, use8: bool, use2: bool, rows: Affine, head: u32) -> Pixels {
  let affine = affineFrom(rows, head + k);
  let place = at + i32(k * params.height * params.width);
  var beyond = 0.0;
  if (use2) { beyond = normalised(f32(x[u32(place + 8)]), affine); }
  return Pixels(select(0.0, normalised(f32(x[u32(place)]), affine), use8), beyond);
}

fn affineFrom(rows: Affine, lane: u32) -> Affine {
  if (!NORM) { return Affine(); }
  return Affine(subgroupShuffle(rows.mean, lane), subgroupShuffle(rows.scale, lane), subgroupShuffle(rows.bias, lane));
}

fn loadDy(at: u32, column: u32, used: bool) -> f32 {
  return select(0.0, f32(dy[at + min(column, params.outWidth - 1u)]), used && column < params.outWidth);
}

fn store(at: u32, sum: mat3x3f, used: bool) {
  if (!used) { return; }
  for (var u = 0u; u < 3u; u++) {
    partial[at + 3u * u] = sum[u].x;
    partial[at + 3u * u + 1u] = sum[u].y;
    partial[at + 3u * u + 2u] = sum[u].z;
  }
}

@compute @workgroup_size(WG, 1, 1)
fn main(
  @builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(subgroup_invocation_id) lane: u32,
) {
  let e = lane & 7u;
  let head = lane - e;
  let eight = flatIndex(gid, nwg, WG) / 8u;
  let octets = (params.outChannels + 7u) / 8u;
  let pair = eight / params.tiles;                // 8 output channels of 8 input channels; the last workgroup may have some too many
  let tile = eight % params.tiles;
  let o = pair % octets * 8u + e;
  let firstIn = pair / octets * 8u;
  let c = min(firstIn, params.inChannels - 1u);
  let here = min(8u, params.inChannels - c) - 1u;  // last input channel of this block
  let plane = params.height * params.width;
  let outPlane = params.outHeight * params.outWidth;
  // Output channels beyond the last repeat it and are not stored.
  let dyChannel = params.dyOffset + min(o, params.outChannels - 1u);
  // Every invocation holds the affine of one of the eight input channels.
  let rows = affineOf(params.xOffset + c + min(e, here));
  var sum0 = mat3x3f();
  var sum1 = mat3x3f();
  var sum2 = mat3x3f();
  var sum3 = mat3x3f();
  var sum4 = mat3x3f();
  var sum5 = mat3x3f();
  var sum6 = mat3x3f();
  var sum7 = mat3x3f();
  // The loops are the same for all invocations, as subgroups demand: what lies outside counts as 0.
  for (var k = 0u; k < params.depth; k++) {
    let index = tile * params.depth + k;
    let strip = min(index, params.count - 1u);
    let nk = strip / params.columns;
    let j = (strip - nk * params.columns) * 8u;
    let n = nk / params.chunks;
    let begin = (nk - n * params.chunks) * params.rows;
    let end = select(0u, min(begin + params.rows, params.outHeight), index < params.count);
    let column = i32(j + e) - i32(params.padding);
    let columnIn = column >= 0 && column < i32(params.width);
    let beyondIn = e < 2u && column + 8 < i32(params.width);
    let xBase = i32((n * params.xChannels + params.xOffset + c) * plane) + column;
    let dyBase = (n * params.dyChannels + dyChannel) * outPlane;
    var d = Rows();
    for (var t = 0u; t < params.rows + 2u; t++) {
      let dyIn = begin + t < end;
      let dyRow = dyBase + select(0u, begin + t, dyIn) * params.outWidth;
      d.c0 = vec3f(loadDy(dyRow, j + 0u, dyIn), d.c0.xy);
      d.c1 = vec3f(loadDy(dyRow, j + 1u, dyIn), d.c1.xy);
      d.c2 = vec3f(loadDy(dyRow, j + 2u, dyIn), d.c2.xy);
      d.c3 = vec3f(loadDy(dyRow, j + 3u, dyIn), d.c3.xy);
      d.c4 = vec3f(loadDy(dyRow, j + 4u, dyIn), d.c4.xy);
      d.c5 = vec3f(loadDy(dyRow, j + 5u, dyIn), d.c5.xy);
      d.c6 = vec3f(loadDy(dyRow, j + 6u, dyIn), d.c6.xy);
      d.c7 = vec3f(loadDy(dyRow, j + 7u, dyIn), d.c7.xy);
      let row = i32(begin + t) - i32(params.padding);
      let rowIn = row >= 0 && row < i32(params.height);
      let at = xBase + select(0, row, rowIn) * i32(params.width);
      let use8 = rowIn && columnIn;
      let use2 = rowIn && beyondIn;
      sum0 = products(sum0, load(min(0u, here), at, use8, use2, rows, head), d, head);
      sum1 = products(sum1, load(min(1u, here), at, use8, use2, rows, head), d, head);
      sum2 = products(sum2, load(min(2u, here), at, use8, use2, rows, head), d, head);
      sum3 = products(sum3, load(min(3u, here), at, use8, use2, rows, head), d, head);
      sum4 = products(sum4, load(min(4u, here), at, use8, use2, rows, head), d, head);
      sum5 = products(sum5, load(min(5u, here), at, use8, use2, rows, head), d, head);
      sum6 = products(sum6, load(min(6u, here), at, use8, use2, rows, head), d, head);
      sum7 = products(sum7, load(min(7u, here), at, use8, use2, rows, head), d, head);
    }
  }
  if (firstIn >= params.inChannels || o >= params.outChannels) { return; }
  let at = ((tile * params.outChannels + o) * params.inChannels + c) * 9u;
  store(at + 0u, sum0, here >= 0u);
  store(at + 9u, sum1, here >= 1u);
  store(at + 18u, sum2, here >= 2u);
  store(at + 27u, sum3, here >= 3u);
  store(at + 36u, sum4, here >= 4u);
  store(at + 45u, sum5, here >= 5u);
  store(at + 54u, sum6, here >= 6u);
  store(at + 63u, sum7, here >= 7u);
}
