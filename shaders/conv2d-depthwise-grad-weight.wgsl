// Gradient of the depthwise convolution of stride 1 by its weight, first of two stages; conv2d-grad-sum.wgsl adds the tiles in order.
//   partial[t,c,u,v] = sum over the pixels (n,i,j) of tile t of dy[n,c,i,j] * x[n,c, i + u - P, j + v - P]
// A walk is one column of dy over some rows, numbered (n,chunk,j); tile t has the walks t, t + tiles, ... .
// One invocation per tile, channel and column of taps: down a column, 8 rows of x slide past dy. grid = channels*K*tiles / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
override K: u32 = 7;                  // side of the kernel, at most 8 pixels
struct Params {
  count: u32, channels: u32,          // invocations and channels of this run
  tiles: u32, walks: u32,             // walks: N * chunks * OW
  rows: u32, chunks: u32,             // rows of a walk, walks that follow each other down a column
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of dy
  padding: u32,
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [tiles,channels,K,K]
@group(0) @binding(3) var<uniform> params: Params;

// x at a row of the column that starts at `base`, 0 outside.
fn pixel(base: u32, row: i32) -> f32 {
  let inside = row >= 0 && row < i32(params.height);
  return select(0.0, f32(x[base + u32(clamp(row, 0, i32(params.height) - 1)) * params.width]), inside);
}

fn pixels(base: u32, row: i32) -> vec4f {
  return vec4f(pixel(base, row), pixel(base, row + 1), pixel(base, row + 2), pixel(base, row + 3));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let tapColumn = e / params.tiles;
  let tile = e - tapColumn * params.tiles;
  let c = tapColumn / K;
  let v = tapColumn - c * K;
  var low = vec4f();
  var high = vec4f();
  for (var walk = tile; walk < params.walks; walk += params.tiles) {
    let chunk = walk / params.outWidth;                                // of all images
    let j = walk - chunk * params.outWidth;
    let n = chunk / params.chunks;
    let first = (chunk - n * params.chunks) * params.rows;
    let column = i32(j + v) - i32(params.padding);
    if (column < 0 || column >= i32(params.width)) { continue; }
    let base = (n * params.xChannels + params.xOffset + c) * params.height * params.width + u32(column);
    var at = ((n * params.dyChannels + params.dyOffset + c) * params.outHeight + first) * params.outWidth + j;
    var row = i32(first) - i32(params.padding);
    var upper = pixels(base, row);
    var lower = pixels(base, row + 4);
    for (var i = first; i < min(first + params.rows, params.outHeight); i++) {
      let d = f32(dy[at]);
      low += d * upper;
      high += d * lower;
      upper = vec4f(upper.yzw, lower.x);
      lower = vec4f(lower.yzw, pixel(base, row + 8));
      at += params.outWidth;
      row++;
    }
  }
  let to = (tile * params.channels + c) * K * K + v;
  for (var u = 0u; u < K; u++) { partial[to + u * K] = select(low[u & 3u], high[u & 3u], u >= 4u); }
}
