// Loss of Dice, IoU or Tversky from soft counts, and the coefficients of its gradient. For each group (a plane, or the planes of
// one channel together), with hits I, false positives F, false negatives M:
//   E = alpha F + beta M;  D = kappa I + E + smooth;  u = E / D;  loss = mean over groups of u^exponent
//   Dice: kappa 2, alpha = beta = 1.  IoU: kappa 1, alpha = beta = 1.  Tversky: kappa 1.
// u is 1 - index, without the cancellation. By p of a pixel of the group, du/dp = slope[0] t + slope[1] with
//   slope[1] = alpha (kappa I + smooth) / D^2;  slope[0] = -((alpha + beta) (kappa I + smooth) + kappa E) / D^2
// One workgroup; a lane owns every WG-th group.
// requires: lib/workgroup-sum.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  groups: u32,                        // N*C, or C
  members: u32,                       // planes per group: 1, or N; plane = group + member * groups
  pieces: u32,                        // pieces per plane
  kappa: f32, alpha: f32, beta: f32,
  smoothing: f32,                     // pixels
  exponent: f32,
  positivesOnly: u32,                 // 1: groups without a positive pixel are left out of the mean
}
@group(0) @binding(0) var<storage, read> partials: array<vec4f>;       // [N,C,pieces]: I, F, M
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;       // [1]
@group(0) @binding(2) var<storage, read_write> slopes: array<vec2f>;   // [groups]: of t, constant
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var g = lane; g < params.groups; g += WG) {
    var counts = vec4f();
    for (var m = 0u; m < params.members; m++) {
      let first = (g + m * params.groups) * params.pieces;
      var planeCounts = vec4f();
      for (var i = 0u; i < params.pieces; i++) { planeCounts += partials[first + i]; }
      counts += planeCounts;
    }
    let errors = params.alpha * counts.y + params.beta * counts.z;
    let agreement = params.kappa * counts.x + params.smoothing;
    let d = max(agreement + errors, 1e-15);
    let u = errors / d;
    // At u = 0 an exponent below 1 has an infinite slope; there every p (1 - p) is 0 or nearly so.
    let outer = params.exponent * powSigned(max(u, 1e-12), params.exponent - 1.0) / (d * d);
    let counted = select(1.0, 0.0, params.positivesOnly == 1u && counts.x + counts.z <= 0.0);
    slopes[g] = counted * outer * vec2f(-(params.alpha + params.beta) * agreement - params.kappa * errors, params.alpha * agreement);
    sum += counted * vec2f(powPositive(u, params.exponent), 1.0);
  }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  let share = 1.0 / max(total.y, 1.0);
  for (var g = lane; g < params.groups; g += WG) { slopes[g] *= share; }
  if (lane == 0u) { loss[0] = total.x * share; }
}

// x^exponent for x > 0 and any exponent
fn powSigned(x: f32, exponent: f32) -> f32 {
  return select(exp2(exponent * log2(x)), 1.0, exponent == 0.0);
}
