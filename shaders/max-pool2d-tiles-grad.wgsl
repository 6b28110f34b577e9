// Gradient of max-pool2d-tiles.wgsl, gathered: every pixel asks its window whether it won.
//   dx[n,c,i,j] = dy of its window where the window's code is (i mod SIDE) * SIDE + j mod SIDE, else 0
// One invocation per column of four windows' height; grid = (ceil(ceil(H / (4*SIDE)) * W / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override SIDE: u32 = 2;               // of a window, pixels; at most 16
struct Params {
  height: u32, width: u32, outHeight: u32, outWidth: u32,
  strips: u32,                        // S = ceil(OH / 4), those of codes
  columns: u32,                       // ceil(H / (4*SIDE)) * W
  dyChannels: u32, dyOffset: u32,     // channels in each buffer, first channel of this run there
  codesChannels: u32, codesOffset: u32,
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,OH,OW]
@group(0) @binding(1) var<storage, read> codes: array<u32>;            // [N,codesChannels,S,OW]
@group(0) @binding(2) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,H,W]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.outHeight * params.outWidth;
  let codesBase = (group.z * params.codesChannels + params.codesOffset + group.y) * params.strips * params.outWidth;
  let dxBase = (group.z * params.dxChannels + params.dxOffset + group.y) * params.height * params.width;
  for (var p = gid.x; p < params.columns; p += groups.x * WG) {
    let strip = quotient(p, params.width);
    let j = p - strip * params.width;
    // Pixels of columns and rows that no window covers get 0.
    let column = min(j / SIDE, params.outWidth - 1u);
    let windows = select(0u, params.outHeight, j / SIDE < params.outWidth);
    let code = codes[codesBase + min(strip, params.strips - 1u) * params.outWidth + column];
    for (var w = 0u; w < 4u; w++) {
      let i = 4u * strip + w;
      let g = select(0.0, f32(dy[dyBase + min(i, params.outHeight - 1u) * params.outWidth + column]), i < windows);
      let winner = (code >> (8u * w)) & 255u;
      for (var u = 0u; u < SIDE; u++) {
        let row = i * SIDE + u;
        if (row < params.height) { dx[dxBase + row * params.width + j] = Map(select(0.0, g, winner == u * SIDE + j % SIDE)); }
      }
    }
  }
}
