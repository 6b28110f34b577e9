// Transpose of upsample-taps.wgsl, by its input.
//   dx[t,o,a,k] = sum over i of weight of low pixel a in up(., i + t - 1) * dy[o,i,k]      0 where i + t - 1 is not in 0 ... R*size - 1
// A strip: `cells` low pixels on one line. One invocation per strip walks over the pixels of dy that they touch, the R around each of
// them and R/2 + 1 beyond either end, reads each once, and adds it to the three taps of three low pixels.
// grid = (ceil(outer*strips*inner / WG), channels, N)
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
// requires: lib/tap-shift.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  outer: u32, inner: u32,             // elements before and after the axis in a plane
  size: u32, ratio: u32,              // low pixels of the axis, R
  cells: u32, strips: u32,            // low pixels per strip, strips per line
  dyChannels: u32, dyOffset: u32,     // channels in each buffer, first channel of this run there
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,outer,R*size,inner]
@group(0) @binding(1) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,3,outer,size,inner]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let inner = params.inner;
  let ratio = params.ratio;
  let outSize = params.size * ratio;
  let tapPlane = params.outer * params.size * inner;
  let step = 1.0 / f32(ratio);
  let reach = ratio / 2 + 1;
  let dyBase = (group.z * params.dyChannels + params.dyOffset + group.y) * params.outer * outSize * inner;
  let dxBase = (group.z * params.dxChannels + params.dxOffset + group.y) * 3 * tapPlane;
  for (var p = gid.x; p < params.outer * params.strips * inner; p += groups.x * WG) {
    let line = quotient(p, inner);
    let o = quotient(line, params.strips);
    let first = (line - o * params.strips) * params.cells;
    let end = min(first + params.cells, params.size);
    let lane = p - line * inner;
    let start = max(first * ratio, reach) - reach;
    let stop = min(end * ratio + reach, outSize);
    var at = dyBase + (o * outSize + start) * inner + lane;
    let to = dxBase + o * params.size * inner + lane;
    var before = vec3f();             // sums of low pixels q - 1 and q, by tap
    var here = vec3f();
    for (var q = max(first, 1) - 1; q < min(end + 1, params.size); q++) {
      var after = vec3f();
      let last = min(stop, (q + 1) * ratio);
      for (var i = max(start, q * ratio); i < last; i++) {
        let d = tapShift(i - q * ratio, step);
        let taps = insideTaps(vec3f(f32(dy[at])), i, outSize);
        before += max(-d, vec3f()) * taps;
        here += (1.0 - abs(d)) * taps;
        after += max(d, vec3f()) * taps;
        at += inner;
      }
      // Beyond the border lies a repetition of the border's pixel.
      if (q == 0) { here += before; }
      if (q + 1 == params.size) { here += after; }
      if (q > first) { storeTaps(to + (q - 1) * inner, tapPlane, before); }
      before = here;
      here = after;
    }
    if (end == params.size) { storeTaps(to + (end - 1) * inner, tapPlane, before); }
  }
}

fn storeTaps(at: u32, tapPlane: u32, taps: vec3f) {
  dx[at] = Map(taps.x);
  dx[at + tapPlane] = Map(taps.y);
  dx[at + 2 * tapPlane] = Map(taps.z);
}
