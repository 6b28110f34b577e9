// Gradient of softmax, or of its logarithm, from the output; the view is [outer, length, inner].
//   dx = y * (dy - sum over k of dy * y);  log: dx = dy - exp(y) * sum over k of dy
// One invocation per row (o, i); grid = ceil(outer*inner / WG) folded into two dimensions.
// requires: lib/map.wgsl
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  rows: u32,                          // outer * inner
  length: u32,                        // entries along the axis
  inner: u32,                         // elements from one entry to the next
  logarithm: u32,                     // 0 or 1
}
@group(0) @binding(0) var<storage, read> y: array<Map>;            // [outer,length,inner]
@group(0) @binding(1) var<storage, read> dy: array<Map>;           // [outer,length,inner]
@group(0) @binding(2) var<storage, read_write> dx: array<Map>;     // [outer,length,inner]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let row = flatIndex(gid, nwg, WG);
  if (row >= params.rows) { return; }
  let isLog = params.logarithm == 1u;
  let o = row / params.inner;
  let first = o * params.length * params.inner + row - o * params.inner;
  let end = first + params.length * params.inner;
  var sum = 0.0;
  for (var i = first; i < end; i += params.inner) { sum += f32(dy[i]) * select(f32(y[i]), 1.0, isLog); }
  for (var i = first; i < end; i += params.inner) {
    dx[i] = Map(select(f32(y[i]) * (f32(dy[i]) - sum), f32(dy[i]) - exp(f32(y[i])) * sum, isLog));
  }
}
