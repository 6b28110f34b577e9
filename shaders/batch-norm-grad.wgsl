// Batch norm, gradient of the input.
//   g = dy, or 0 where the fused ReLU cut y off;  z = (x - mean) / deviation
//   dx = scale * (g - (dbias + z * dweight) / M)        M = N*H*W in training; in evaluation 1/M is 0: the statistics are constants
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
// requires: lib/batch-norm.wgsl
override WG: u32 = 64;                // invocations per workgroup
override IN_PLACE: bool = false;      // dy lies where dx is written, and has dx's channels and offset; its own binding is not read
struct Params {
  plane: u32,                         // P = H*W
  firstChannel: u32,                  // of this run
  relu: u32,                          // 1: y = max(y, 0) in the forward pass
  inverseCount: f32,                  // 1/M, or 0
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [xChannels,TABLE]
@group(0) @binding(3) var<storage, read> dweight: array<f32>;          // [C]
@group(0) @binding(4) var<storage, read> dbias: array<f32>;            // [C]
@group(0) @binding(5) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,P]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = params.firstChannel + group.y;
  let row = (params.xOffset + group.y) * TABLE;
  let mean = table[row + MEAN];
  let scale = table[row + SCALE];
  let bias = table[row + BIAS];
  let meanGrad = dbias[c] * params.inverseCount;
  let slope = dweight[c] * params.inverseCount * table[row + INVERSE_DEVIATION];
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.plane;
  let dxBase = (group.z * params.dxChannels + params.dxOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    let v = f32(x[xBase + p]);
    let open = params.relu == 0 || batchNormAffine(v, mean, scale, bias) > 0.0;
    var d = 0.0;
    if (IN_PLACE) { d = f32(dx[dxBase + p]); } else { d = f32(dy[dyBase + p]); }
    let g = select(0.0, d, open);
    dx[dxBase + p] = Map(scale * (g - meanGrad - (v - mean) * slope));
  }
}
