// Gradient of structural similarity, first stage: the slopes of all windows over a row, gathered down the columns.
//   columns[q,n,c,i,j] = sum over o of taps[i-o] slopes[q,n,c,o,j], 0 <= i - o < K
// One invocation per pixel of the result, striding over larger planes; grid = (<= ceil(H*OW / WG), C, N).
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  height: u32, outHeight: u32, outWidth: u32,                          // H, OH = H - K + 1, OW
  kernelSize: u32,                    // K, pixels
  count: u32,                         // N*C*OH*OW
  columnCount: u32,                   // N*C*H*OW
}
@group(0) @binding(0) var<storage, read> slopes: array<f32>;           // [3,N,C,OH,OW]
@group(0) @binding(1) var<storage, read> taps: array<f32>;             // [K]
@group(0) @binding(2) var<storage, read_write> columns: array<f32>;    // [3,N,C,H,OW]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = gid.z * groups.y + gid.y;
  let columnPlane = params.height * params.outWidth;
  for (var p = gid.x; p < columnPlane; p += groups.x * WG) {
    let i = quotient(p, params.outWidth);
    let j = p - i * params.outWidth;
    let end = min(i + 1u, params.outHeight);
    var sum = vec3f();
    for (var o = max(i + 1u, params.kernelSize) - params.kernelSize; o < end; o++) {
      let at = (plane * params.outHeight + o) * params.outWidth + j;
      sum += taps[i - o] * vec3f(slopes[at], slopes[at + params.count], slopes[at + 2u * params.count]);
    }
    let at = plane * columnPlane + p;
    columns[at] = sum.x;
    columns[at + params.columnCount] = sum.y;
    columns[at + 2u * params.columnCount] = sum.z;
  }
}
