// Last step of a 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2015, arXiv:1509.09308): Y = A' M A of every tile, its 4x4 pixels.
//   y[n,o, 4*I .. 4*I+3, 4*J .. 4*J+3] = act(bias[o] + Y)     for M[f / 6, f % 6] = products[f,o,t]
// Tile t of this dispatch lies at row of tiles firstRow + t / columns of the flat index over (n, I), J = t % columns.
// One invocation per tile and channel; grid = (ceil(tiles / WG), channels of this dispatch).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
override MOMENTS: bool = false;       // moments of what is written go into partial, for the batch norm behind; not with relu
struct Params {
  tiles: u32,                         // of this dispatch
  firstRow: u32,                      // row of tiles, over all images
  rows: u32, columns: u32,            // tiles below and beside each other in an image
  outHeight: u32, outWidth: u32,      // of y
  firstChannel: u32, allChannels: u32, // first output channel of this dispatch, and how many there are in all
  yChannels: u32, yOffset: u32,       // channels in y's buffer, first channel of this dispatch there
  hasBias: u32,                       // 1: bias is added
  relu: u32,                          // 1: y = max(y, 0)
  allTiles: u32,                      // K: of all dispatches
}
@group(0) @binding(0) var<storage, read> products: array<f32>;     // [36,allChannels,tiles]
@group(0) @binding(1) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(2) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;  // [O,K,3] count, mean, squared deviations; unused without MOMENTS
@group(0) @binding(4) var<uniform> params: Params;

// Six numbers, the first and the last three of them.
alias Row = mat2x3f;

fn load(at: u32, step: u32) -> Row {
  return Row(
    products[at], products[at + step], products[at + 2u * step],
    products[at + 3u * step], products[at + 4u * step], products[at + 5u * step],
  );
}

// Frequencies along a row to its pixels.
fn across(row: Row) -> vec4f {
  let near = row[0].y + row[0].z;
  let nearOdd = row[0].y - row[0].z;
  let far = row[1].x + row[1].y;
  let farOdd = row[1].x - row[1].y;
  return vec4f(row[0].x + near + far, nearOdd + 2.0 * farOdd, near + 4.0 * far, nearOdd + 8.0 * farOdd + row[1].z);
}

fn store(at: u32, sum: f32, used: bool) {
  if (!used) { return; }
  y[at] = Map(select(sum, max(sum, 0.0), params.relu == 1u));
}

fn storeRow(at: u32, row: vec4f, used: vec4<bool>) {
  store(at, row.x, used.x);
  store(at + 1u, row.y, used.y);
  store(at + 2u, row.z, used.z);
  store(at + 3u, row.w, used.w);
}

fn weightOf(used: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(1.0), used);
}

// Columns and rows of the tile count with weights 0 or 1.
fn storeMoments(to: u32, tile: mat4x4f, columns: vec4f, rows: vec4f) {
  let count = dot(columns, vec4f(1.0)) * dot(rows, vec4f(1.0));
  let mean = dot(tile * rows, columns) / count;
  let d = tile - mat4x4f(vec4f(mean), vec4f(mean), vec4f(mean), vec4f(mean));
  partial[to] = count;
  partial[to + 1u] = mean;
  partial[to + 2u] = dot(mat4x4f(d[0] * d[0], d[1] * d[1], d[2] * d[2], d[3] * d[3]) * rows, columns);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let t = gid.x;
  if (t >= params.tiles) { return; }
  let o = params.firstChannel + gid.y;
  let step = params.allChannels * params.tiles;
  let at = o * params.tiles + t;
  let m0 = load(at, step);
  let m1 = load(at + 6u * step, step);
  let m2 = load(at + 12u * step, step);
  let m3 = load(at + 18u * step, step);
  let m4 = load(at + 24u * step, step);
  let m5 = load(at + 30u * step, step);
  let near = m1 + m2;
  let nearOdd = m1 - m2;
  let far = m3 + m4;
  let farOdd = m3 - m4;
  var b = 0.0;
  if (params.hasBias == 1u) { b = bias[o]; }

  let row = params.firstRow + t / params.columns;
  let n = row / params.rows;
  let i = (row - n * params.rows) * 4u;
  let j = t % params.columns * 4u;
  let to = ((n * params.yChannels + params.yOffset + gid.y) * params.outHeight + i) * params.outWidth + j;
  let columnIn = vec4u(j) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.outWidth);
  let rowIn = vec4u(i) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.outHeight);
  let tile = mat4x4f(
    across(m0 + near + far) + b, across(nearOdd + 2.0 * farOdd) + b, across(near + 4.0 * far) + b, across(nearOdd + 8.0 * farOdd + m5) + b,
  );
  storeRow(to, tile[0], columnIn);
  storeRow(to + params.outWidth, tile[1], columnIn & vec4(rowIn.y));
  storeRow(to + 2u * params.outWidth, tile[2], columnIn & vec4(rowIn.z));
  storeRow(to + 3u * params.outWidth, tile[3], columnIn & vec4(rowIn.w));
  if (MOMENTS) {
    let index = params.firstRow * params.columns + t;
    storeMoments(3u * (o * params.allTiles + index), tile, weightOf(columnIn), weightOf(rowIn));
  }
}
