// First stage of attention pooling: sums over fixed pieces of a plane.
//   partials[n, column, piece] = sum over the piece of a[n,p] * x[n,c,p], or of a alone
// One workgroup per piece, channel of this run and image: grid = (pieces, channels, N).
// requires: lib/workgroup-sum.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32,                         // P = H*W
  piece: u32,                         // pixels per workgroup
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
  columns: u32,                       // columns of the sums: C + 1
  firstColumn: u32,                   // column of the first channel of this run
  plain: u32,                         // 1: the sum of a alone; x is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> attention: array<f32>;        // [N,P]
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [N,xChannels,P]
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;   // [N,columns,pieces]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.plane);
  let a = group.z * params.plane;
  let f = (group.z * params.xChannels + params.xOffset + group.y) * params.plane;
  var sum = 0.0;
  for (var p = first + lane; p < end; p += WG) {
    if (params.plain == 1u) { sum += attention[a + p]; } else { sum += attention[a + p] * x[f + p]; }
  }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0, 0.0));
  if (lane == 0u) {
    partials[(group.z * params.columns + params.firstColumn + group.y) * groups.x + group.x] = total.x;
  }
}
