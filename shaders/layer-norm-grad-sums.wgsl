// Layer norm, the two sums over the channels of every pixel that its gradient needs; runs of channels are added one after the other.
//   sums[n,p] = (sum over c of g, sum over c of g * z)       g = dy * weight[c];  z = (x - mean) / deviation
// One invocation per pixel; grid = N*P / WG folded into x and y.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, plane: u32,             // N*P, P = H*W
  channels: u32, firstChannel: u32,   // of this run; the channels before it are in the sums
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  dyChannels: u32, dyOffset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read> dy: array<Map>;               // [N,dyChannels,P]
@group(0) @binding(2) var<storage, read> table: array<f32>;            // [N,P,2]: mean, 1 / deviation
@group(0) @binding(3) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;       // [N,P,2]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let n = e / params.plane;
  let p = e - n * params.plane;
  let xBase = (n * params.xChannels + params.xOffset) * params.plane + p;
  let dyBase = (n * params.dyChannels + params.dyOffset) * params.plane + p;
  let mean = table[2u * e];
  var sum = 0.0;
  var sumZ = 0.0;
  for (var c = 0u; c < params.channels; c++) {
    let g = f32(dy[dyBase + c * params.plane]) * weight[params.firstChannel + c];
    sum += g;
    sumZ += g * (f32(x[xBase + c * params.plane]) - mean);
  }
  sumZ *= table[2u * e + 1u];
  if (params.firstChannel > 0u) {
    sum += sums[2u * e];
    sumZ += sums[2u * e + 1u];
  }
  sums[2u * e] = sum;
  sums[2u * e + 1u] = sumZ;
}
