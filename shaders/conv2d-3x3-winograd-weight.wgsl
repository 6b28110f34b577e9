// Weights of a 3x3 convolution for Winograd's F(4x4, 3x3) (Lavin and Gray 2015, arXiv:1509.09308): U = G g G' of every pair of channels.
//   transformed[f,octet,c,k] = U[f / 6, f % 6] for g = weight[8*octet + k, c], 0 beyond the last output channel
// For the gradient by the input the two channel axes change places (strides) and the taps run backwards (flip).
// One invocation per output channel (8 per octet) and input channel; grid = octets*inChannels*8 / WG folded into x and y.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // octets*inChannels*8
  inChannels: u32, outChannels: u32,  // of these runs
  outStride: u32, inStride: u32,      // elements of weight
  flip: u32,                          // 1: taps backwards
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;                 // OIHW
@group(0) @binding(1) var<storage, read_write> transformed: array<f32>;      // [36,octets,inChannels,8]
@group(0) @binding(2) var<uniform> params: Params;

// Three numbers along an axis become six; vectors hold several axes side by side.
struct Six { r0: vec3f, r1: vec3f, r2: vec3f, r3: vec3f, r4: vec3f, r5: vec3f }

fn six(g0: vec3f, g1: vec3f, g2: vec3f) -> Six {
  let even = (g0 + g2) / 6.0;
  let far = g0 / 24.0 + g2 / 6.0;
  return Six(g0 / 4.0, -even - g1 / 6.0, g1 / 6.0 - even, far + g1 / 12.0, far - g1 / 12.0, g2);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let index = flatIndex(gid, nwg, WG);
  if (index >= params.count) { return; }
  let c = index / 8u % params.inChannels;
  let o = index / (8u * params.inChannels) * 8u + index % 8u;
  let at = min(o, params.outChannels - 1u) * params.outStride + c * params.inStride;
  let step = select(1u, ~0u, params.flip == 1u);  // ~0 counts backwards
  let begin = at + select(0u, 8u, params.flip == 1u);
  var g = mat3x3f();  // rows of taps
  for (var u = 0u; u < 3u; u++) {
    let row = begin + 3u * u * step;
    g[u] = select(vec3f(), vec3f(weight[row], weight[row + step], weight[row + 2u * step]), o < params.outChannels);
  }
  let down = six(g[0], g[1], g[2]);
  let rows = array<vec3f, 6>(down.r0, down.r1, down.r2, down.r3, down.r4, down.r5);
  for (var u = 0u; u < 6u; u++) {
    let row = rows[u];
    let across = six(vec3f(row.x), vec3f(row.y), vec3f(row.z));
    let to = 6u * u * params.count + index;
    transformed[to] = across.r0.x;
    transformed[to + params.count] = across.r1.x;
    transformed[to + 2u * params.count] = across.r2.x;
    transformed[to + 3u * params.count] = across.r3.x;
    transformed[to + 4u * params.count] = across.r4.x;
    transformed[to + 5u * params.count] = across.r5.x;
  }
}
