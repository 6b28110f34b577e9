// Maximum of every plane and where it is, NCHW -> NC.
//   y[n,c] = max over p of x[n,c,p];  index[n,c] = the first p that attains it, as PyTorch
// One workgroup per plane; grid = (C of this run, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  plane: u32,                         // P = H*W
  total: u32, firstChannel: u32,      // C of y, first channel of this run
  xChannels: u32, xOffset: u32,       // channels in x's buffer, first channel of this run there
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,P]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;          // [N,C]
@group(0) @binding(2) var<storage, read_write> index: array<u32>;      // [N,C]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> best: array<f32, WG>;
var<workgroup> winner: array<u32, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = (group.y * params.xChannels + params.xOffset + group.x) * params.plane;
  var at = min(lane, params.plane - 1);
  var value = f32(x[base + at]);
  for (var p = lane + WG; p < params.plane; p += WG) {
    let v = f32(x[base + p]);
    if (v > value) { value = v; at = p; }
  }
  best[lane] = value;
  winner[lane] = at;
  for (var half = WG / 2; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) {
      let v = best[lane + half];
      let p = winner[lane + half];
      if (v > best[lane] || (v == best[lane] && p < winner[lane])) { best[lane] = v; winner[lane] = p; }
    }
  }
  if (lane == 0) {
    let to = group.y * params.total + params.firstChannel + group.x;
    y[to] = best[0];
    index[to] = winner[0];
  }
}
