// Bandwidth of a copy: every invocation moves one vector of four floats.
//   y[i] = x[i]
// grid = (vectors / WG folded into x and y, 1).
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flatIndex(gid, groups, WG);
  if (i < arrayLength(&y)) { y[i] = x[i]; }
}
