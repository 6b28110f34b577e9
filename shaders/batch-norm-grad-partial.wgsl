// Batch norm, gradient of weight and bias, stage 1: sums over one segment of one plane.
//   g = dy, or 0 where the fused ReLU cut y off;  z = (x - mean) / deviation
//   partial[c,k] = (sum of g * z, sum of g) over segment k of channel c
// One workgroup per segment; grid = (segments of a plane, C, N).
// requires: lib/batch-norm.wgsl
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32, segment: u32,           // P = H*W; pixels of a segment
  partials: u32,                      // K = N * segments of a plane
  firstChannel: u32,                  // of this run
  relu: u32,                          // 1: y = max(y, 0) in the forward pass
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<f32>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [C,TABLE]
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;    // [C,K,2]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (params.firstChannel + group.y) * TABLE;
  let mean = table[row + MEAN];
  let scale = table[row + SCALE];
  let bias = table[row + BIAS];
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.plane;
  let end = min((group.x + 1) * params.segment, params.plane);
  var own = vec2f(0.0);
  for (var p = group.x * params.segment + lane; p < end; p += WG) {
    let v = x[xBase + p];
    let open = params.relu == 0 || batchNormAffine(v, mean, scale, bias) > 0.0;
    let g = select(0.0, dy[dyBase + p], open);
    own += vec2f(g * (v - mean), g);
  }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0));
  if (lane == 0) {
    let at = 2 * ((params.firstChannel + group.y) * params.partials + group.z * groups.x + group.x);
    partial[at] = sum.x * table[row + INVERSE_DEVIATION];
    partial[at + 1] = sum.y;
  }
}
