// Max pooling by windows side by side (stride = side, no padding), NCHW: computes what max-pool2d.wgsl does, in less memory.
//   y[n,c,i,j] = max over u, v < SIDE of x[n,c, i*SIDE+u, j*SIDE+v]     ties: first in row-major order, as PyTorch
//   codes[n,c,s,j]: four bytes; byte w = u * SIDE + v of the winner of window (4s + w, j)
// A window that hangs over the far border repeats its last pixels, which never win.
// One invocation per column of four windows; grid = (ceil(S*OW / WG), C, N), S = ceil(OH / 4).
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
override SIDE: u32 = 2;               // of a window, pixels; at most 16
struct Params {
  height: u32, width: u32, outHeight: u32, outWidth: u32,
  strips: u32,                        // S
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
  codesChannels: u32, codesOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,H,W]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;          // [N,yChannels,OH,OW]
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;      // [N,codesChannels,S,OW]
@group(0) @binding(3) var<storage, read> table: array<f32>;            // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let base = (group.z * params.xChannels + params.xOffset + group.y) * params.height * params.width;
  let to = (group.z * params.yChannels + params.yOffset + group.y) * params.outHeight * params.outWidth;
  let codesTo = (group.z * params.codesChannels + params.codesOffset + group.y) * params.strips * params.outWidth;
  let affine = affineOf(params.xOffset + group.y);
  for (var p = gid.x; p < params.strips * params.outWidth; p += groups.x * WG) {
    let strip = quotient(p, params.outWidth);
    let j = p - strip * params.outWidth;
    var code = 0u;
    for (var w = 0u; w < 4u; w++) {
      let i = min(4u * strip + w, params.outHeight - 1u);
      var best = normalised(f32(x[base + i * SIDE * params.width + j * SIDE]), affine);
      var winner = 0u;
      for (var u = 0u; u < SIDE; u++) {
        let row = base + min(i * SIDE + u, params.height - 1u) * params.width;
        for (var v = select(0u, 1u, u == 0u); v < SIDE; v++) {
          let value = normalised(f32(x[row + min(j * SIDE + v, params.width - 1u)]), affine);
          winner = select(winner, u * SIDE + v, value > best);
          best = select(best, value, value > best);
        }
      }
      y[to + i * params.outWidth + j] = Map(best);
      code |= winner << (8u * w);
    }
    codes[codesTo + p] = code;
  }
}
