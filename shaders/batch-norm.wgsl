// Batch norm, the pass over the feature map, with the ReLU that follows it if wanted.
//   y[n,c,p] = (x[n,c,p] - mean[c]) * scale[c] + bias[c], then max(., 0)
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  relu: u32,                          // 1: y = max(y, 0)
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> table: array<f32>;            // [xChannels,TABLE]
@group(0) @binding(2) var<storage, read_write> y: array<Map>;          // [N,yChannels,P]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = (params.xOffset + group.y) * TABLE;
  let mean = table[row + MEAN];
  let scale = table[row + SCALE];
  let bias = table[row + BIAS];
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let v = batchNormAffine(f32(x[xBase + p]), mean, scale, bias);
    y[yBase + p] = Map(select(v, max(v, 0.0), params.relu != 0));
  }
}
