// Batch norm, statistics, stage 1: moments of one segment of one plane.
//   partial[c,k] = (count, mean, sum of (x - mean)^2) over segment k of channel c
// Every invocation sums differences from its own first pixel, so that neither a large mean nor an outlier cancels.
// One workgroup per segment; grid = (segments of a plane, C, N).
// requires: lib/moments.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32, segment: u32,           // P = H*W; pixels of a segment
  partials: u32,                      // K = N * segments of a plane
  firstChannel: u32,                  // of this run
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;    // [C,K,3]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> moments: array<Moments, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let first = group.x * params.segment + lane;
  let end = min((group.x + 1) * params.segment, params.plane);
  let shift = x[base + min(first, params.plane - 1)];
  var count = 0.0;
  var sum = 0.0;
  var squares = 0.0;
  for (var p = first; p < end; p += WG) {
    let d = x[base + p] - shift;
    count += 1.0;
    sum += d;
    squares += d * d;
  }
  let delta = sum / max(count, 1.0);
  moments[lane] = Moments(count, shift + delta, max(squares - sum * delta, 0.0));
  for (var half = WG / 2; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = mergeMoments(moments[lane], moments[lane + half]); }
  }
  if (lane == 0) {
    let at = 3 * ((params.firstChannel + group.y) * params.partials + group.z * groups.x + group.x);
    partial[at] = moments[0].count;
    partial[at + 1] = moments[0].mean;
    partial[at + 2] = moments[0].squares;
  }
}
