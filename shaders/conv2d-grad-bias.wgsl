// Gradient of conv2d by its bias, first of two stages.
//   partial[g,o] = sum over the pixels (n,i,j) of tile g of dy[n,o,i,j]
// Tile g holds pixels [g*tile, (g+1)*tile) of every plane; conv2d-grad-sum.wgsl adds the tiles in order.
// One workgroup per channel and tile; its invocations take every WG-th pixel and are added as a tree. grid = (channels, tiles)
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  images: u32, plane: u32,            // N, OH*OW
  tile: u32,                          // pixels of a plane per tile
  channels: u32,                      // of this run
  dyChannels: u32, dyOffset: u32,     // channels in dy's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;               // [N,dyChannels,OH,OW]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;    // [tiles,channels]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let end = min((group.y + 1u) * params.tile, params.plane);
  var own = 0.0;
  for (var n = 0u; n < params.images; n++) {
    let base = (n * params.dyChannels + params.dyOffset + group.x) * params.plane;
    var image = 0.0;
    for (var p = group.y * params.tile + lane; p < end; p += WG) { image += dy[base + p]; }
    own += image;
  }
  let sum = workgroupSum(lane, vec4f(own, 0.0, 0.0, 0.0)).x;
  if (lane == 0u) { partial[group.y * params.channels + group.x] = sum; }
}
