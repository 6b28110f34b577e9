// Structural similarity (https://doi.org/10.1109/TIP.2003.819861), second stage: moments of rows joined down the columns, then, per pixel,
//   cs = (2 cov + c2) / (spread + c2);  ssim = (2 mx my + c1) / (mx^2 + my^2 + c1) * cs;  partials = sums of cs or ssim over P
// and what its gradient by x needs: by a pixel of the window with weight w it is w (a + b x + c y), where
//   b = 2 d/dvar(x);  c = d/dcov;  a = d/dmx - b mx - c my
// One invocation per partial, for every lanes-th pixel of a plane; grid = N*C*lanes / WG folded into x and y.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  rowHeight: u32, width: u32,         // of the map of rows: H, OW
  plane: u32,                         // P = OH*OW, OH = H - K + 1
  kernelSize: u32,                    // K, pixels
  rowCount: u32,                      // N*C*H*OW
  count: u32,                         // N*C*OH*OW
  partialCount: u32, lanes: u32,      // partials, invocations that share a plane
  c1: f32, c2: f32,
  withLuminance: u32,                 // 1: ssim, 0: cs
  share: f32,                         // 1 / P
}
@group(0) @binding(0) var<storage, read> rows: array<f32>;             // [4,N,C,H,OW]: mx, my, spread, cov
@group(0) @binding(1) var<storage, read> taps: array<f32>;             // [K]
@group(0) @binding(2) var<storage, read_write> slopes: array<f32>;     // [3,N,C,OH,OW]: a, b, c
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;   // [N,C,lanes]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.partialCount) { return; }
  let plane = e / params.lanes;
  var sum = 0.0;
  for (var p = e - plane * params.lanes; p < params.plane; p += params.lanes) {
    let first = plane * params.rowHeight * params.width + p;
    var mean = vec2f();
    for (var k = 0u; k < params.kernelSize; k++) { mean += taps[k] * rowMean(first + k * params.width); }
    var moments = vec2f();
    for (var k = 0u; k < params.kernelSize; k++) {
      let o = first + k * params.width;
      let d = rowMean(o) - mean;
      moments += taps[k] * (vec2f(rows[o + 2u * params.rowCount], rows[o + 3u * params.rowCount]) + vec2f(dot(d, d), d.x * d.y));
    }
    let spread = moments.x + params.c2;
    let cs = (2.0 * moments.y + params.c2) / spread;
    var luminance = 1.0;
    var byMean = 0.0;
    if (params.withLuminance == 1u) {
      let size = dot(mean, mean) + params.c1;
      luminance = (2.0 * mean.x * mean.y + params.c1) / size;
      byMean = 2.0 * cs * (mean.y - mean.x * luminance) / size;
    }
    let b = -2.0 * luminance * cs / spread;
    let c = 2.0 * luminance / spread;
    let o = plane * params.plane + p;
    slopes[o] = byMean - b * mean.x - c * mean.y;
    slopes[o + params.count] = b;
    slopes[o + 2u * params.count] = c;
    sum += luminance * cs;
  }
  partials[e] = sum * params.share;
}

fn rowMean(o: u32) -> vec2f { return vec2f(rows[o], rows[o + params.rowCount]); }
