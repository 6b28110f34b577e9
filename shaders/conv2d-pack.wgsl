// Weights of conv2d in the order in which the fast kernels read them from a uniform buffer: 8 output channels side by side.
//   packed[to + (c*taps + t)*8 + k] = weight[source + place(firstOut+k, outStride, outParts) + place(firstIn+c, inStride, inParts) + t']
// for c, k < 8; t' = t, or taps-1-t with flip; 0 where firstOut+k is not a channel. For the gradient by the input the two channel axes
// change places (strides) and the taps run backwards (flip).
// One workgroup per tile of 8 input channels of 8 output channels, an invocation for each pair; grid = tiles folded into two dimensions.
struct Params { count: u32 }          // tiles
struct Tile {
  source: u32, to: u32,               // elements of weight and of packed
  firstOut: u32, firstIn: u32,        // channels
  outEnd: u32, inEnd: u32,            // channels from these on are not packed
  outStride: u32, inStride: u32,      // elements of weight
  outParts: u32, inParts: u32,        // channels that lie side by side in weight, each an element apart
  taps: u32, flip: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> tiles: array<Tile>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn place(channel: u32, stride: u32, parts: u32) -> u32 {
  if (parts == 1u) { return channel * stride; }
  return channel / parts * stride + channel % parts;
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.y * nwg.x + group.x;
  if (index >= params.count) { return; }
  let tile = tiles[index];
  let c = lane / 8u;
  let k = lane % 8u;
  if (tile.firstIn + c >= tile.inEnd) { return; }
  let used = tile.firstOut + k < tile.outEnd;
  let out = min(tile.firstOut + k, tile.outEnd - 1u);
  let at = tile.source + place(out, tile.outStride, tile.outParts) + place(tile.firstIn + c, tile.inStride, tile.inParts);
  let to = tile.to + c * tile.taps * 8u + k;
  for (var t = 0u; t < tile.taps; t++) {
    packed[to + t * 8u] = select(0.0, weight[at + select(t, tile.taps - 1u - t, tile.flip == 1u)], used);
  }
}
