// Convolution 3x3 with stride 1, NCHW, through workgroup memory: computes what conv2d-3x3.wgsl does.
//   y[n,o,i,j] = act(bias[o] + sum over c, u, v of x[n,c, i+u-P, j+v-P] * weight[o,c,u,v])     outside x: 0
// A workgroup computes a tile of COLUMNS columns and 4 * WG / COLUMNS rows of 8 output channels. It loads the pixels under the tile,
// CHUNK input channels at a time, once for all its invocations: per channel and invocation 5 loads of x from memory in the place of 18.
// A run of input channels is added to a run of output channels: the first run writes bias + sum, later ones (accumulate) add.
// grid = (N*ceil(OH / rows)*ceil(OW / COLUMNS) folded into x and y, octets = ceil(outChannels / 8))
// requires: lib/map.wgsl
// requires: lib/strip-3x3.wgsl
// requires: lib/normalised.wgsl
override WG: u32 = 64;                // invocations per workgroup, a multiple of COLUMNS
override COLUMNS: u32 = 16;
override CHUNK: u32 = 4;              // input channels in workgroup memory
// Not in its place below: wgpu cannot compile an expression as a size beside further overrides.
override PIXELS: u32 = CHUNK * (4u * (WG / COLUMNS) + 2u) * (COLUMNS + 2u);
struct Params {
  count: u32,                         // N*down*across tiles
  down: u32, across: u32,             // tiles below each other and side by side
  height: u32, width: u32,            // of x
  outHeight: u32, outWidth: u32,      // of y: height + 2*padding - 2
  padding: u32,                       // P, pixels, at most 2
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

// Pixels under the tile, rows of COLUMNS + 2.
var<workgroup> pixels: array<f32, PIXELS>;

fn column(at: u32) -> Column {
  let width = COLUMNS + 2u;
  let top = vec4f(pixels[at], pixels[at + width], pixels[at + 2u * width], pixels[at + 3u * width]);
  return Column(top, vec2f(pixels[at + 4u * width], pixels[at + 5u * width]));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rows = 4u * (WG / COLUMNS);
  let area = (rows + 2u) * (COLUMNS + 2u);
  let flat = group.y * nwg.x + group.x;  // the folded grid may be larger: what lies beyond repeats the last tile and stores nothing
  let tile = min(flat, params.count - 1u);
  let n = tile / (params.down * params.across);
  let place = tile - n * params.down * params.across;
  let firstRow = place / params.across * rows;
  let firstColumn = place % params.across * COLUMNS;
  let plane = params.height * params.width;
  let base = (n * params.xChannels + params.xOffset) * plane;
  let octet = group.z;
  let here = lane / COLUMNS * 4u * (COLUMNS + 2u) + lane % COLUMNS;
  var sums = Strip();
  for (var c = 0u; c < params.inChannels; c += CHUNK) {
    workgroupBarrier();
    for (var e = lane; e < CHUNK * area; e += WG) {
      let k = c + e / area;
      let rest = e % area;
      let row = i32(firstRow + rest / (COLUMNS + 2u)) - i32(params.padding);
      let col = i32(firstColumn + rest % (COLUMNS + 2u)) - i32(params.padding);
      let inside = k < params.inChannels && row >= 0 && row < i32(params.height) && col >= 0 && col < i32(params.width);
      var value = 0.0;
      if (inside) { value = normalised(f32(x[base + k * plane + u32(row) * params.width + u32(col)]), affineOf(params.xOffset + k)); }
      pixels[e] = value;
    }
    workgroupBarrier();
    for (var k = 0u; k < min(CHUNK, params.inChannels - c); k++) {
      let at = k * area + here;
      let more = products(octet * params.inChannels + c + k, column(at), column(at + 1u), column(at + 2u));
      sums = Strip(sums.low + more.low, sums.high + more.high);
    }
  }
  let i = firstRow + lane / COLUMNS * 4u;
  let j = firstColumn + lane % COLUMNS;
  if (flat < params.count && i < params.outHeight && j < params.outWidth) { storeStrip(sums, n, octet, i, j, 1u); }
}
