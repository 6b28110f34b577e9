// Bilinear enlargement by a whole, even factor in height, NCHW, half-pixel centres: computes what bilinear.wgsl does with fewer loads.
//   y[n,c,i,j] = interpolation of x[n,c] at ((i + 0.5) / SCALE - 0.5, (j + 0.5) * W / OW - 0.5), clamped to the image
// Gap g lies between rows g - 1 and g of x (g = 0 ... H; beyond the border the last row is repeated) and holds SCALE rows of y, the
// first of them g*SCALE - SCALE/2. They share the two rows, and a gap shares one with the next.
// One invocation per column of ROWS / SCALE gaps; grid = (ceil(ceil((H + 1) * SCALE / ROWS) * OW / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/bilinear.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override SCALE: u32 = 2;              // even, at most ROWS
override ROWS: u32 = 16;              // of y per invocation
struct Params {
  height: u32, width: u32, outHeight: u32, outWidth: u32,
  columns: u32,                       // ceil((H + 1) * SCALE / ROWS) * OW
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;          // [N,yChannels,OH,OW]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let base = (group.z * params.xChannels + params.xOffset + group.y) * params.height * params.width;
  let to = (group.z * params.yChannels + params.yOffset + group.y) * params.outHeight * params.outWidth;
  for (var p = gid.x; p < params.columns; p += groups.x * WG) {
    let strip = quotient(p, params.outWidth);
    let j = p - strip * params.outWidth;
    let column = bilinearSource(j, params.width, params.outWidth);
    let last = params.height - 1u;
    let first = strip * (ROWS / SCALE);
    let row = base + (max(first, 1u) - 1u) * params.width;
    var above = mix(f32(x[row + column.low]), f32(x[row + column.high]), column.weight);
    for (var gap = first; gap < min(first + ROWS / SCALE, params.height + 1u); gap++) {
      let next = base + min(gap, last) * params.width;
      let below = mix(f32(x[next + column.low]), f32(x[next + column.high]), column.weight);
      // In the gaps at the borders half of the rows are outside y: before row 0 the index wraps round.
      let i = gap * SCALE - SCALE / 2u;
      for (var t = 0u; t < SCALE; t++) {
        let value = above + (below - above) * ((f32(t) + 0.5) / f32(SCALE));
        if (i + t < params.outHeight) { y[to + (i + t) * params.outWidth + j] = Map(value); }
      }
      above = below;
    }
  }
}
