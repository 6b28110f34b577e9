// Convolution 3x3 with stride 1, NCHW: the fast form of conv2d.wgsl, and with flipped, transposed weights of conv2d-grad-input.wgsl.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i+u*D-P, j+v*D-P] * weight[o,c,u,v])     outside x: 0
// Few channels leave nothing to tile in workgroup memory: an invocation computes 4 rows, D apart, of one column times 8 output channels, so
// that 18 loads of x serve 288 products, and reads the weights (packed by conv2d-pack.wgsl) by a uniform index from a uniform buffer.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// grid = (N*strips*OW / WG folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/map.wgsl
// requires: lib/index.wgsl
// requires: lib/strip-3x3.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // N*strips*OW
  strips: u32,                        // of a column: D * ceil(OH / 4D)
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y: height + 2*padding - 2*dilation
  padding: u32, dilation: u32,        // P, at most 2*D, and D, pixels
  inChannels: u32, outChannels: u32,  // of this dispatch; octets * inChannels <= 227
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this dispatch there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first output channel
  hasBias: u32,                       // 1: bias is added, unless accumulate
  accumulate: u32,                    // 1: y already holds the sum over earlier input channels
  relu: u32,                          // 1: y = max(y, 0), asked for with the last run of input channels
}
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [N,xChannels,H,W]
@group(0) @binding(1) var<uniform> weight: array<Taps, 227>;       // [octets,inChannels,3,3,8]
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // [O]; any buffer without hasBias
@group(0) @binding(3) var<storage, read_write> y: array<Map>;      // [N,yChannels,OH,OW]
@group(0) @binding(4) var<storage, read> table: array<f32>;        // [xChannels,TABLE] with NORM, else any buffer
@group(0) @binding(5) var<uniform> params: Params;

fn loadColumn(top: vec4u, bottom: vec2u, topIn: vec4<bool>, bottomIn: vec2<bool>, affine: Affine) -> Column {
  let a = normalisedQuad(vec4f(Map4(x[top.x], x[top.y], x[top.z], x[top.w])), affine);
  let b = vec2f(normalised(f32(x[bottom.x]), affine), normalised(f32(x[bottom.y]), affine));
  return Column(select(vec4f(), a, topIn), select(vec2f(), b, bottomIn));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let strip = flatIndex(gid, nwg, WG);
  if (strip >= params.count) { return; }
  let j = strip % params.outWidth;
  let nk = strip / params.outWidth;
  let n = nk / params.strips;
  let dilation = i32(params.dilation);
  let s = nk - n * params.strips;
  let i = s / params.dilation * 4u * params.dilation + s % params.dilation;
  let plane = params.height * params.width;

  // Places in a plane of the 6x3 pixels under the strip's windows; those outside are clamped and their value replaced by 0.
  let rowTop = vec4i(i32(i) - i32(params.padding)) + dilation * vec4i(0, 1, 2, 3);
  let rowBottom = rowTop.xy + 4 * dilation;
  let column = vec3i(i32(j) - i32(params.padding)) + dilation * vec3i(0, 1, 2);
  let topIn = (rowTop >= vec4i()) & (rowTop < vec4i(i32(params.height)));
  let bottomIn = (rowBottom >= vec2i()) & (rowBottom < vec2i(i32(params.height)));
  let columnIn = (column >= vec3i()) & (column < vec3i(i32(params.width)));
  let top = select(vec4u(), vec4u(rowTop), topIn) * params.width;
  let bottom = select(vec2u(), vec2u(rowBottom), bottomIn) * params.width;
  let columns = select(vec3u(), vec3u(column), columnIn);

  let octet = group.z;
  var sums = Strip();
  var base = (n * params.xChannels + params.xOffset) * plane;
  for (var c = 0u; c < params.inChannels; c++) {
    let t = octet * params.inChannels + c;
    let affine = affineOf(params.xOffset + c);
    let left = loadColumn(top + base + columns.x, bottom + base + columns.x, topIn & vec4(columnIn.x), bottomIn & vec2(columnIn.x), affine);
    let middle = loadColumn(top + base + columns.y, bottom + base + columns.y, topIn & vec4(columnIn.y), bottomIn & vec2(columnIn.y), affine);
    let right = loadColumn(top + base + columns.z, bottom + base + columns.z, topIn & vec4(columnIn.z), bottomIn & vec2(columnIn.z), affine);
    let more = products(t, left, middle, right);
    sums = Strip(sums.low + more.low, sums.high + more.high);
    base += plane;
  }
  storeStrip(sums, n, octet, i, j, params.dilation);
}
