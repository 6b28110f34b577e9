// Soft counts of logits z against targets t, for Dice, IoU and Tversky losses: sums over fixed pieces of a plane. With p = sigmoid(z):
//   partials[n,c,piece] = sums of mask * (p t, p (1 - t), (1 - p) t): hits, false positives, false negatives
// One workgroup per piece, channel and image: grid = (pieces, C, N).
// requires: lib/map.wgsl
// requires: lib/workgroup-sum.wgsl
// requires: lib/logistic.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32,                         // P = H*W
  piece: u32,                         // pixels per workgroup
  masked: u32,                        // 0: mask is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,C,P], targets 0 .. 1
@group(0) @binding(2) var<storage, read> mask: array<f32>;             // [N,1,P]
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>; // [N,C,pieces]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let plane = group.z * groups.y + group.y;
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.plane);
  var sum = vec4f();
  for (var p = first + lane; p < end; p += WG) {
    let i = plane * params.plane + p;
    let s = sigmoidPair(f32(logits[i]));
    let t = labels[i];
    var m = 1.0;
    if (params.masked == 1u) { m = mask[group.z * params.plane + p]; }
    sum += m * vec4f(s.x * t, s.x * (1.0 - t), s.y * t, 0.0);
  }
  let total = workgroupSum(lane, sum);
  if (lane == 0u) { partials[plane * groups.x + group.x] = total; }
}
