// Weights of conv2d in the order in which the fast kernels read them from a uniform buffer: 8 output channels side by side.
//   packed[b,c,t,k] = weight[first + (8b+k)*outStride + c*inStride + (flip ? taps-1-t : t)]     0 where 8b+k is not a channel
// For the gradient by the input the two channel axes change places (strides) and the taps run backwards (flip).
// One invocation per entry of packed; grid = octets*inChannels*taps*8 / WG folded into two dimensions.
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  count: u32,                         // octets*inChannels*taps*8 entries
  inChannels: u32, outChannels: u32, taps: u32,
  first: u32, outStride: u32, inStride: u32,   // elements of weight
  flip: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;     // [octets,inChannels,taps,8]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let e = flatIndex(gid, nwg, WG);
  if (e >= params.count) { return; }
  let bct = e / 8u;
  let bc = bct / params.taps;
  let tap = bct - bc * params.taps;
  let octet = bc / params.inChannels;
  let c = bc - octet * params.inChannels;
  let o = octet * 8u + e % 8u;
  let at = params.first + min(o, params.outChannels - 1u) * params.outStride + c * params.inStride
    + select(tap, params.taps - 1u - tap, params.flip == 1u);
  packed[e] = select(0.0, weight[at], o < params.outChannels);
}
