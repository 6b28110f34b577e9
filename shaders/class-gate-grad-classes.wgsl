// Gradient of the class gate by the class logits.
//   da = sum over c, p of dy ((1 - g) + s g)      s = sigmoid(l - softplus(a)), g = sigmoid(a), a = log odds of image n
//   dz[n,0] = -da, dz[n,k] = da * softmax of the other classes
// One workgroup per image; grid = (1, 1, N).
// requires: lib/map.wgsl
// requires: lib/logistic.wgsl
// requires: lib/workgroup-sum.wgsl
// requires: lib/class-gate.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // C*P
  classes: u32,                       // K
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> classes: array<f32>;          // [N,K]
@group(0) @binding(2) var<storage, read> dy: array<Map>;               // [N,C,P]
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;         // [N,K]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let a = oddsOfAny(group.z);
  let gate = sigmoidPair(a);
  let shift = softplus(a);
  let base = group.z * params.count;
  var sum = 0.0;
  for (var i = lane; i < params.count; i += WG) {
    sum += f32(dy[base + i]) * (gate.y + gate.x * sigmoidPair(f32(logits[base + i]) - shift).x);
  }
  let da = workgroupSum(lane, vec4f(sum)).x;
  let start = group.z * params.classes;
  let largest = largestOther(start);
  let others = sumOfOthers(start);
  for (var k = lane; k < params.classes; k += WG) {
    dz[start + k] = select(da * exp(classes[start + k] - largest) / others, -da, k == 0u);
  }
}
