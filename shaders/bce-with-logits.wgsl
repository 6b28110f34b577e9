// Binary cross-entropy of logits z and targets t, first stage: sums over fixed pieces of a plane.
//   term = weight * ((1 - t) * softplus(z) + posWeight[c] * t * softplus(-z))
//   partials[n,c,piece] = sum of mask * term, sum of mask
// One workgroup per piece, channel and image: grid = (pieces, C, N).
// requires: lib/workgroup-sum.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32,                         // P = H*W
  piece: u32,                         // pixels per workgroup
  weighted: u32, posWeighted: u32, masked: u32,   // 0: that array is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<f32>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [N,C,P]
@group(0) @binding(3) var<storage, read> posWeight: array<f32>;        // [C]
@group(0) @binding(4) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(5) var<storage, read_write> partials: array<vec2f>; // [N,C,pieces]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = group.z * groups.y + group.y;
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.plane);
  var positive = 1.0;
  if (params.posWeighted == 1u) { positive = posWeight[group.y]; }
  var sum = vec2f();
  for (var p = first + lane; p < end; p += WG) {
    let i = plane * params.plane + p;
    let z = logits[i];
    let t = labels[i];
    var term = (1.0 - t) * softplus(z) + positive * t * softplus(-z);
    if (params.weighted == 1u) { term *= weight[i]; }
    var m = 1.0;
    if (params.masked == 1u) { m = mask[group.z * params.plane + p]; }
    sum += vec2f(m * term, m);
  }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  if (lane == 0u) { partials[plane * groups.x + group.x] = total.xy; }
}
