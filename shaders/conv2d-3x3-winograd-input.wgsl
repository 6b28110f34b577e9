// First step of a 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2015, arXiv:1509.09308): V = B' d B of every tile of 6x6 pixels.
//   transformed[f,c,t] = V[f / 6, f % 6] for d = x[n,c, 4*I-P .. 4*I-P+5, 4*J-P .. 4*J-P+5]     outside x: 0
// Tile t of this dispatch lies at row of tiles firstRow + t / columns of the flat index over (n, I), J = t % columns. Neighbours overlap by 2 pixels.
// One invocation per tile and channel; grid = (ceil(tiles / WG), channels of this dispatch).
// requires: lib/map.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  tiles: u32,                         // of this dispatch
  firstRow: u32,                      // row of tiles, over all images
  rows: u32, columns: u32,            // tiles below and beside each other in an image
  height: u32, width: u32,            // of x
  padding: u32,                       // P, pixels
  firstChannel: u32, allChannels: u32, // first channel of this dispatch, and how many there are in all
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                      // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read> table: array<f32>;                  // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(2) var<storage, read_write> transformed: array<f32>;      // [36,allChannels,tiles]
@group(0) @binding(3) var<uniform> params: Params;

// Six numbers, the first and the last three of them.
alias Row = mat2x3f;

// Pixels of a row to frequencies along it.
fn across(low: vec3f, high: vec3f) -> Row {
  let even = high.y - 4.0 * low.z;
  let odd = high.x - 4.0 * low.y;
  let far = high.y - low.z;
  let farOdd = 2.0 * (high.x - low.y);
  return Row(4.0 * low.x - 5.0 * low.z + high.y, even + odd, even - odd, far + farOdd, far - farOdd, 4.0 * low.y - 5.0 * high.x + high.z);
}

fn load(row: u32, rowIn: bool, low: vec3u, high: vec3u, lowIn: vec3<bool>, highIn: vec3<bool>, affine: Affine) -> Row {
  let a = vec3f(Map3(x[row + low.x], x[row + low.y], x[row + low.z]));
  let b = vec3f(Map3(x[row + high.x], x[row + high.y], x[row + high.z]));
  let first = vec3f(normalised(a.x, affine), normalised(a.y, affine), normalised(a.z, affine));
  let last = vec3f(normalised(b.x, affine), normalised(b.y, affine), normalised(b.z, affine));
  return across(select(vec3f(), first, lowIn & vec3(rowIn)), select(vec3f(), last, highIn & vec3(rowIn)));
}

fn store(to: u32, step: u32, row: Row) {
  transformed[to] = row[0].x;
  transformed[to + step] = row[0].y;
  transformed[to + 2u * step] = row[0].z;
  transformed[to + 3u * step] = row[1].x;
  transformed[to + 4u * step] = row[1].y;
  transformed[to + 5u * step] = row[1].z;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let t = gid.x;
  if (t >= params.tiles) { return; }
  let c = gid.y;
  let row = params.firstRow + t / params.columns;
  let n = row / params.rows;
  // Places in a plane of the tile's pixels; those outside are clamped and their value replaced by 0.
  let top = vec3i(i32((row - n * params.rows) * 4u) - i32(params.padding)) + vec3i(0, 1, 2);
  let left = vec3i(i32(t % params.columns * 4u) - i32(params.padding)) + vec3i(0, 1, 2);
  let topIn = (top >= vec3i()) & (top < vec3i(i32(params.height)));
  let bottomIn = (top + 3 >= vec3i()) & (top + 3 < vec3i(i32(params.height)));
  let lowIn = (left >= vec3i()) & (left < vec3i(i32(params.width)));
  let highIn = (left + 3 >= vec3i()) & (left + 3 < vec3i(i32(params.width)));
  let base = (n * params.xChannels + params.xOffset + c) * params.height * params.width;
  let upper = base + select(vec3u(), vec3u(top), topIn) * params.width;
  let lower = base + select(vec3u(), vec3u(top + 3), bottomIn) * params.width;
  let low = select(vec3u(), vec3u(left), lowIn);
  let high = select(vec3u(), vec3u(left + 3), highIn);
  let affine = affineOf(params.xOffset + c);

  let d0 = load(upper.x, topIn.x, low, high, lowIn, highIn, affine);
  let d1 = load(upper.y, topIn.y, low, high, lowIn, highIn, affine);
  let d2 = load(upper.z, topIn.z, low, high, lowIn, highIn, affine);
  let d3 = load(lower.x, bottomIn.x, low, high, lowIn, highIn, affine);
  let d4 = load(lower.y, bottomIn.y, low, high, lowIn, highIn, affine);
  let d5 = load(lower.z, bottomIn.z, low, high, lowIn, highIn, affine);
  let even = d4 - 4.0 * d2;
  let odd = d3 - 4.0 * d1;
  let far = d4 - d2;
  let farOdd = 2.0 * (d3 - d1);
  let step = params.allChannels * params.tiles;
  let to = (params.firstChannel + c) * params.tiles + t;
  store(to, step, 4.0 * d0 - 5.0 * d2 + d4);
  store(to + 6u * step, step, even + odd);
  store(to + 12u * step, step, even - odd);
  store(to + 18u * step, step, far + farOdd);
  store(to + 24u * step, step, far - farOdd);
  store(to + 30u * step, step, 4.0 * d1 - 5.0 * d3 + d5);
}
