// Sum of up to four runs of channels, NCHW, added in this order (more terms: one dispatch after the other).
//   y[n,c,p] = a[n,c,p] (+ b[n,c,p] (+ c[n,c,p] (+ d[n,c,p])))
// One invocation per pixel of a plane, striding over larger ones; grid = (<= ceil(P / WG), C, N).
// requires: lib/map.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  plane: u32,                         // P = H*W
  terms: u32,                         // 1..4; the bindings of the others are not read
  aChannels: u32, aOffset: u32,       // channels in each buffer, first channel of this run there
  bChannels: u32, bOffset: u32,
  cChannels: u32, cOffset: u32,
  dChannels: u32, dOffset: u32,
  yChannels: u32, yOffset: u32,
}
@group(0) @binding(0) var<storage, read> a: array<Map>;            // [N,aChannels,P]
@group(0) @binding(1) var<storage, read> b: array<Map>;            // [N,bChannels,P]
@group(0) @binding(2) var<storage, read> c: array<Map>;            // [N,cChannels,P]
@group(0) @binding(3) var<storage, read> d: array<Map>;            // [N,dChannels,P]
@group(0) @binding(4) var<storage, read_write> y: array<Map>;      // [N,yChannels,P]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let aBase = (group.z * params.aChannels + params.aOffset + group.y) * params.plane;
  let bBase = (group.z * params.bChannels + params.bOffset + group.y) * params.plane;
  let cBase = (group.z * params.cChannels + params.cOffset + group.y) * params.plane;
  let dBase = (group.z * params.dChannels + params.dOffset + group.y) * params.plane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.plane;
  for (var p = gid.x; p < params.plane; p += groups.x * WG) {
    var total = f32(a[aBase + p]);
    if (params.terms > 1u) { total += f32(b[bBase + p]); }
    if (params.terms > 2u) { total += f32(c[cBase + p]); }
    if (params.terms > 3u) { total += f32(d[dBase + p]); }
    y[yBase + p] = Map(total);
  }
}
