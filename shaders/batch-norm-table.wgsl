// Batch norm, statistics, stage 2: the partial moments of each channel merged, in a fixed order, into its table row. The running
// statistics move towards them:
//   running[c] = (1 - momentum) * running[c] + momentum * batch[c]       mean, and unbiased variance
// Both may lie in one buffer, at places that do not overlap.
// One workgroup per channel; grid = (C).
// requires: lib/moments.wgsl
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  partials: u32,                      // K
  eps: f32,
  momentum: f32,                      // 0: the running statistics stay as they are
  firstChannel: u32, firstRow: u32,   // of this run, in the vectors and in the table
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;          // [C,K,3] count, mean, squared deviations
@group(0) @binding(1) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(2) var<storage, read> bias: array<f32>;             // [C]
@group(0) @binding(3) var<storage, read_write> table: array<f32>;      // [rows,TABLE]
@group(0) @binding(4) var<storage, read_write> runningMean: array<f32>; // [C]
@group(0) @binding(5) var<storage, read_write> runningVar: array<f32>; // [C]
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> moments: array<Moments, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = params.firstChannel + group.x;
  var own = Moments(0.0, 0.0, 0.0);
  for (var k = lane; k < params.partials; k += WG) {
    let at = 3 * (c * params.partials + k);
    own = mergeMoments(own, Moments(partial[at], partial[at + 1], partial[at + 2]));
  }
  moments[lane] = own;
  for (var half = WG / 2; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = mergeMoments(moments[lane], moments[lane + half]); }
  }
  if (lane == 0) {
    let all = moments[0];
    let inverse = 1.0 / sqrt(all.squares / all.count + params.eps);
    let row = (params.firstRow + group.x) * TABLE;
    table[row + MEAN] = all.mean;
    table[row + INVERSE_DEVIATION] = inverse;
    table[row + SCALE] = weight[c] * inverse;
    table[row + BIAS] = bias[c];
    if (params.momentum > 0.0) {
      let keep = 1.0 - params.momentum;
      runningMean[c] = keep * runningMean[c] + params.momentum * all.mean;
      runningVar[c] = keep * runningVar[c] + params.momentum * all.squares / (all.count - 1.0);
    }
  }
}
