// Softmax, or its logarithm, along one axis; the view is [outer, length, inner].
//   y[o,k,i] = exp(x[o,k,i] - max) / sum over k of exp(x - max);  log: x - max - log(sum)
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
@group(0) @binding(0) var<storage, read> x: array<Map>;            // [outer,length,inner]
@group(0) @binding(1) var<storage, read_write> y: array<Map>;      // [outer,length,inner]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let row = flatIndex(gid, nwg, WG);
  if (row >= params.rows) { return; }
  let o = row / params.inner;
  let first = o * params.length * params.inner + row - o * params.inner;
  let end = first + params.length * params.inner;
  var largest = f32(x[first]);
  for (var i = first; i < end; i += params.inner) { largest = max(largest, f32(x[i])); }
  var sum = 0.0;
  for (var i = first; i < end; i += params.inner) { sum += exp(f32(x[i]) - largest); }
  let logSum = log(sum);
  for (var i = first; i < end; i += params.inner) {
    let shifted = f32(x[i]) - largest;
    y[i] = Map(select(exp(shifted) / sum, shifted - logSum, params.logarithm == 1u));
  }
}
