// Convolution 1x1 without padding, NCHW: the fast form of conv2d.wgsl, and for stride 1 of conv2d-grad-input.wgsl.
//   y[n,o,i,j] = act(bias[o] + sum over c of x[n,c, i*S, j*S] * weight[o,c])
// An invocation computes 4 pixels, a quarter of a plane apart so that neighbours read side by side, times 8 output channels, and
// reads the weights (packed by conv2d-pack.wgsl) by a uniform index from a uniform buffer.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// grid = (N*ceil(OH*OW/4) / WG folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32, quarter: u32,           // N*ceil(OH*OW/4), ceil(OH*OW/4)
  plane: u32, width: u32,             // H*W and W of x
  outPlane: u32, outWidth: u32,       // OH*OW and OW of y
  stride: u32,                        // S, pixels
  inChannels: u32, outChannels: u32,  // of this dispatch; octets * inChannels <= 2048
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless accumulate
  accumulate: u32,                    // 1: y already holds the sum over earlier input channels
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
alias Octet = array<vec4f, 2>;        // one input channel for 8 output channels
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<uniform> weight: array<Octet, 2048>;     // [octets,inChannels,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<storage, read> table: array<f32>;        // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(5) var<uniform> params: Params;

// Channels (rows) by pixels (columns).
fn outer(channels: vec4f, pixels: vec4f) -> mat4x4f {
  return mat4x4f(channels * pixels.x, channels * pixels.y, channels * pixels.z, channels * pixels.w);
}

fn store(at: u32, channel: u32, sum: f32) {
  var value = sum;
  if (params.accumulate == 1u) { value += f32(y[at]); }
  else if (params.hasBias == 1u) { value += bias[params.biasOffset + channel]; }
  y[at] = Map(select(value, max(value, 0.0), params.relu == 1u));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let index = flatIndex(gid, nwg, WG);
  if (index >= params.count) { return; }
  let n = index / params.quarter;
  // Pixels beyond the plane repeat its last one and are not stored.
  let pixel = vec4u(index - n * params.quarter) + vec4u(0u, 1u, 2u, 3u) * params.quarter;
  let used = min(pixel, vec4u(params.outPlane - 1u));
  let row = used / params.outWidth;
  var at = (n * params.xChannels + params.xOffset) * params.plane
    + row * (params.stride * params.width) + (used - row * params.outWidth) * params.stride;
  let octet = group.z;
  var low = mat4x4f();
  var high = mat4x4f();
  for (var c = 0u; c < params.inChannels; c++) {
    let t = octet * params.inChannels + c;
    let affine = affineOf(params.xOffset + c);
    let pixels = normalisedQuad(vec4f(Map4(x[at.x], x[at.y], x[at.z], x[at.w])), affine);
    low += outer(weight[t][0], pixels);
    high += outer(weight[t][1], pixels);
    at += params.plane;
  }
  let first = octet * 8u;
  let stored = min(8u, params.outChannels - first);
  let base = (n * params.yChannels + params.yOffset + first) * params.outPlane;
  for (var q = 0u; q < 4u; q++) {
    if (pixel[q] >= params.outPlane) { continue; }
    var sums = array<vec4f, 2>(low[q], high[q]);
    for (var k = 0u; k < stored; k++) { store(base + k * params.outPlane + pixel[q], first + k, sums[k / 4u][k % 4u]); }
  }
}
