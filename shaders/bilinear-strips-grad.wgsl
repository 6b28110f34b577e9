// Transpose of linear interpolation along H by a whole, even factor: the first pass of bilinear-grad.wgsl with every dy loaded about once.
//   dx[a,k] = sum over i of max(0, 1 - |s(i) - a|) * dy[i,k]            s(i) = (i + 0.5) / SCALE - 0.5 clamped to 0 ... H - 1
// The SCALE rows of gap g (see bilinear-strips.wgsl) count for rows g - 1 and g of dx; those at the borders for one row, in full.
// One invocation per column of ROWS rows of dx; grid = (ceil(ceil(H / ROWS) * W / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override SCALE: u32 = 2;              // even
override ROWS: u32 = 4;               // rows of dx per invocation
struct Params {
  height: u32, width: u32, outHeight: u32,                             // H and W of dx, rows of dy
  columns: u32,                       // ceil(H / ROWS) * W
  dyChannels: u32, dyOffset: u32,     // channels in each buffer, first channel of this run there
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,W]
@group(0) @binding(1) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,H,W]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let base = (group.z * params.dyChannels + params.dyOffset + group.y) * params.outHeight * params.width;
  let to = (group.z * params.dxChannels + params.dxOffset + group.y) * params.height * params.width;
  for (var p = gid.x; p < params.columns; p += groups.x * WG) {
    let strip = quotient(p, params.width);
    let k = p - strip * params.width;
    let first = strip * ROWS;
    let end = min(first + ROWS, params.height);
    var own = 0.0;                    // what the gap before a row gave to it
    for (var gap = first; gap <= end; gap++) {
      var upper = 0.0;                // for row gap - 1
      var lower = 0.0;                // for row gap
      let i = gap * SCALE - SCALE / 2u;
      for (var t = 0u; t < SCALE; t++) {
        // Before row 0 the index wraps round: outside as well.
        let g = select(0.0, f32(dy[base + min(i + t, params.outHeight - 1u) * params.width + k]), i + t < params.outHeight);
        let weight = (f32(t) + 0.5) / f32(SCALE);
        upper += (1.0 - weight) * g;
        lower += weight * g;
      }
      if (gap == params.height) { upper += lower; }
      if (gap > first) { dx[to + (gap - 1u) * params.width + k] = Map(own + upper); }
      own = select(lower, upper + lower, gap == 0u);
    }
  }
}
