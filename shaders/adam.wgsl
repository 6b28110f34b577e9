// Adam (arXiv 1412.6980) and AdamW (arXiv 1711.05101) over a range of the flat parameters; PyTorch's order of operations.
//   g = scale * gradient;  AdamW: w *= 1 - learningRate * decay;  Adam: g += decay * w
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   w -= learningRate * (m / biasCorrection1) / (sqrt(v / biasCorrection2) + eps)
// Nothing is written where the gradient report says that a gradient is not finite.
// One invocation per weight; grid = ceil(count / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // elements of this range
  firstBlock: u32,                    // 64-element blocks in the ranges before
  beta1: f32, oneMinusBeta1: f32,     // the complements are rounded from float64: 1 - 0.999f is off by 5e-5
  beta2: f32, oneMinusBeta2: f32,
  eps: f32,
  decoupled: u32,                     // 1 = AdamW, 0 = Adam with L2
}
@group(0) @binding(0) var<storage, read_write> weights: array<f32>;    // [count]
@group(0) @binding(1) var<storage, read> gradients: array<f32>;        // [count]
@group(0) @binding(2) var<storage, read_write> m: array<f32>;          // [count]
@group(0) @binding(3) var<storage, read_write> v: array<f32>;          // [count]
@group(0) @binding(4) var<storage, read> decay: array<f32>;            // per 64 elements of the whole flat array
@group(0) @binding(5) var<storage, read> report: array<f32>;           // [4]: norm, scale, update, skipped
@group(0) @binding(6) var<storage, read> step: array<f32>;             // learningRate, biasCorrection1, biasCorrection2, ...
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count || report[2] == 0.0) { return; }
  let learningRate = step[0];
  let d = decay[params.firstBlock + i / 64u];
  var w = weights[i];
  var g = report[1] * gradients[i];
  if (params.decoupled == 1u) { w -= learningRate * d * w; } else { g += d * w; }
  let m1 = params.beta1 * m[i] + params.oneMinusBeta1 * g;
  let v1 = params.beta2 * v[i] + params.oneMinusBeta2 * g * g;
  m[i] = m1;
  v[i] = v1;
  weights[i] = w - learningRate * (m1 / step[1]) / (sqrt(v1 / step[2]) + params.eps);
}
