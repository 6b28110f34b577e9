// Structural similarity of maps x and y, first stage: weighted moments along rows. Over the taps k < K of a Gaussian window w, sum 1:
//   mx = sum w x;  my = sum w y;  spread = sum w ((x - mx)^2 + (y - my)^2);  cov = sum w (x - mx) (y - my)
//   rows[n,c,i,j] from x[n,c,i,j .. j+K-1] and y there; about the mean, for sums of squares would cancel
// One invocation per column and row of the result, striding over larger planes; grid = (<= ceil(H*OW / WG), C, N).
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  height: u32, width: u32, outWidth: u32,                              // OW = W - K + 1
  kernelSize: u32,                    // K, pixels
  count: u32,                         // N*C*H*OW
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [N,C,H,W]
@group(0) @binding(1) var<storage, read> y: array<f32>;                // [N,C,H,W]
@group(0) @binding(2) var<storage, read> taps: array<f32>;             // [K]
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;       // [4,N,C,H,OW]: mx, my, spread, cov
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = gid.z * groups.y + gid.y;
  let outPlane = params.height * params.outWidth;
  for (var p = gid.x; p < outPlane; p += groups.x * WG) {
    let i = quotient(p, params.outWidth);
    let first = (plane * params.height + i) * params.width + p - i * params.outWidth;
    var mean = vec2f();
    for (var k = 0u; k < params.kernelSize; k++) { mean += taps[k] * vec2f(x[first + k], y[first + k]); }
    var moments = vec2f();
    for (var k = 0u; k < params.kernelSize; k++) {
      let d = vec2f(x[first + k], y[first + k]) - mean;
      moments += taps[k] * vec2f(dot(d, d), d.x * d.y);
    }
    let o = plane * outPlane + p;
    rows[o] = mean.x;
    rows[o + params.count] = mean.y;
    rows[o + 2u * params.count] = moments.x;
    rows[o + 3u * params.count] = moments.y;
  }
}
