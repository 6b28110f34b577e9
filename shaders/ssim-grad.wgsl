// Gradient of the mean structural similarity of every plane by x, second stage: along the rows.
//   dx[n,c,i,j] = dy[n,c] / P * (A + B x[n,c,i,j] + C y[n,c,i,j]);  (A, B, C) = sum over o of taps[j-o] columns[:,n,c,i,o], 0 <= j - o < K
// One invocation per pixel, striding over larger planes; grid = (<= ceil(H*W / WG), C, N).
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  height: u32, width: u32, outWidth: u32,                              // OW = W - K + 1
  kernelSize: u32,                    // K, pixels
  columnCount: u32,                   // N*C*H*OW
  share: f32,                         // 1 / P, P = OH*OW
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [N,C,H,W]
@group(0) @binding(1) var<storage, read> y: array<f32>;                // [N,C,H,W]
@group(0) @binding(2) var<storage, read> columns: array<f32>;          // [3,N,C,H,OW]
@group(0) @binding(3) var<storage, read> taps: array<f32>;             // [K]
@group(0) @binding(4) var<storage, read> dy: array<f32>;               // [N,C]
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;         // [N,C,H,W]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = gid.z * groups.y + gid.y;
  let size = params.height * params.width;
  let scale = dy[plane] * params.share;
  for (var p = gid.x; p < size; p += groups.x * WG) {
    let i = quotient(p, params.width);
    let j = p - i * params.width;
    let end = min(j + 1u, params.outWidth);
    var sum = vec3f();
    for (var o = max(j + 1u, params.kernelSize) - params.kernelSize; o < end; o++) {
      let at = (plane * params.height + i) * params.outWidth + o;
      sum += taps[j - o] * vec3f(columns[at], columns[at + params.columnCount], columns[at + 2u * params.columnCount]);
    }
    let at = plane * size + p;
    dx[at] = scale * (sum.x + sum.y * x[at] + sum.z * y[at]);
  }
}
