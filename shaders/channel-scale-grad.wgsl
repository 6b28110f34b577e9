// Gradient of a factor per channel by the factor, stage 1: sums over one segment of one plane.
//   partial[c,k] = sum of x * dy over segment k of channel c
// One workgroup per segment; grid = (segments of a plane, C, N).
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32, segment: u32,           // P = H*W; pixels of a segment
  partials: u32,                      // K = N * segments of a plane
  firstChannel: u32,                  // of this run
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<f32>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;    // [C,K]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.plane;
  let end = min((group.x + 1) * params.segment, params.plane);
  var own = 0.0;
  for (var p = group.x * params.segment + lane; p < end; p += WG) { own += x[xBase + p] * dy[dyBase + p]; }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0, 0.0)).x;
  if (lane == 0) { partial[(params.firstChannel + group.y) * params.partials + group.z * groups.x + group.x] = sum; }
}
