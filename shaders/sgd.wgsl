// Stochastic gradient descent with momentum over a range of the flat parameters; PyTorch's order of operations.
//   g = scale * gradient + decay * w;  velocity = momentum * velocity + g
//   w -= learningRate * (nesterov ? g + momentum * velocity : velocity)
// Nothing is written where the gradient report says that a gradient is not finite.
// One invocation per weight; grid = ceil(count / WG) folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // elements of this range
  firstBlock: u32,                    // 64-element blocks in the ranges before
  momentum: f32,
  nesterov: u32,                      // 0 or 1
}
@group(0) @binding(0) var<storage, read_write> weights: array<f32>;    // [count]
@group(0) @binding(1) var<storage, read> gradients: array<f32>;        // [count]
@group(0) @binding(2) var<storage, read_write> velocity: array<f32>;   // [count]
@group(0) @binding(3) var<storage, read> decay: array<f32>;            // per 64 elements of the whole flat array
@group(0) @binding(4) var<storage, read> report: array<f32>;           // [4]: norm, scale, update, skipped
@group(0) @binding(5) var<storage, read> step: array<f32>;             // learningRate, ...
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = flatIndex(gid, nwg, WG);
  if (i >= params.count || report[2] == 0.0) { return; }
  let w = weights[i];
  let g = report[1] * gradients[i] + decay[params.firstBlock + i / 64u] * w;
  let moved = params.momentum * velocity[i] + g;
  velocity[i] = moved;
  weights[i] = w - step[0] * select(moved, g + params.momentum * moved, params.nesterov == 1u);
}
