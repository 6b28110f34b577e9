// Second stage of the global gradient norm: what an update needs to know about all gradients together. The gradients are those of the
// loss times the loss scale L, which is a power of two; the report is about those of the loss.
//   norm = sqrt(sum of partials) / L;  scale = min(1, maxNorm / (norm + 1e-6)) / L, clipping as torch.nn.utils.clip_grad_norm_
//   update = 1, or 0 where a gradient, or the sum of squares itself, is not finite: then `skipped` is counted up by 1
//   L halves with every skipped update and doubles after growthInterval others, as torch.amp.GradScaler
// One workgroup; every lane sums every WG-th partial, then a tree.
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 256;               // invocations per workgroup, a power of two
struct Params {
  count: u32,                         // partials
  maxNorm: f32,                       // the largest f32 where nothing is clipped
  growthInterval: u32,                // updates; 0: L stays as it is
}
@group(0) @binding(0) var<storage, read> partials: array<vec2f>;     // [count]: sum of squares, non-finite
@group(0) @binding(1) var<storage, read_write> report: array<f32>;   // [4]: norm, scale, update, skipped
@group(0) @binding(2) var<storage, read_write> scaling: array<f32>;  // [4]: L, 1 / L, updates since L changed, 1 / L of this step
@group(0) @binding(3) var<uniform> params: Params;

// L stays where it and its inverse are exact and far from the ends of f32.
const LEAST = 1.0;
const MOST = 16777216.0;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var i = lane; i < params.count; i += WG) { sum += partials[i]; }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  if (lane == 0u) {
    let overflow = (bitcast<u32>(total.x) & 0x7f800000u) == 0x7f800000u;
    let update = total.y == 0.0 && !overflow && total.x < 3.4e38;
    let inverse = scaling[1];
    let norm = select(0.0, sqrt(total.x) * inverse, update);
    report[0] = norm;
    report[1] = min(1.0, params.maxNorm / (norm + 1e-6)) * inverse;
    report[2] = select(0.0, 1.0, update);
    report[3] += select(1.0, 0.0, update);
    scaling[3] = inverse;
    if (params.growthInterval > 0u) { adaptScale(update); }
  }
}

fn adaptScale(update: bool) {
  let good = select(0.0, scaling[2] + 1.0, update);
  let grows = good >= f32(params.growthInterval);
  var factor = 1.0;
  if (!update && scaling[0] > LEAST) { factor = 0.5; }
  if (grows && scaling[0] < MOST) { factor = 2.0; }
  scaling[0] *= factor;
  scaling[1] *= select(select(1.0, 2.0, factor == 0.5), 0.5, factor == 2.0);
  scaling[2] = select(good, 0.0, grows);
}
