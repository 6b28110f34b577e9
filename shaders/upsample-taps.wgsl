// Linear interpolation of three maps along one axis, each shifted by its tap, and summed: what is left of a 3x3 convolution of an
// upsampled map, per axis, when the channels were mixed at low resolution (conv2d-upsampled.ts).
//   y[o,i,k] = act(bias + sum over t = 0 ... 2 of up(x[t,o,.,k], i + t - 1))      0 where i + t - 1 is not in 0 ... R*size - 1
//   up(z, i) = z at (i + 0.5) / R - 0.5, interpolated, clamped to 0 ... size - 1
// A strip: `cells` low pixels, each with the R pixels of y around it, on one line. One invocation per strip, so that a low pixel is read
// once for all of them; grid = (ceil(outer*strips*inner / WG), channels, N).
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
// requires: lib/tap-shift.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  outer: u32, inner: u32,             // elements before and after the axis in a plane
  size: u32, ratio: u32,              // low pixels of the axis, R
  cells: u32, strips: u32,            // low pixels per strip, strips per line
  xChannels: u32, xOffset: u32,       // channels in each buffer, first channel of this run there
  yChannels: u32, yOffset: u32,
  biasOffset: u32,                    // entry of bias that belongs to the first channel of this run
  hasBias: u32,
  relu: u32,                          // 1: y = max(y, 0)
}
@group(0) @binding(0) var<storage, read> x: array<Map>;                // [N,xChannels,3,outer,size,inner]
@group(0) @binding(1) var<storage, read> bias: array<f32>;             // [channels]; any buffer without hasBias
@group(0) @binding(2) var<storage, read_write> y: array<Map>;          // [N,yChannels,outer,R*size,inner]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let inner = params.inner;
  let outSize = params.size * params.ratio;
  let tapPlane = params.outer * params.size * inner;
  let step = 1.0 / f32(params.ratio);
  let xBase = (group.z * params.xChannels + params.xOffset + group.y) * 3 * tapPlane;
  let yBase = (group.z * params.yChannels + params.yOffset + group.y) * params.outer * outSize * inner;
  var constant = 0.0;
  if (params.hasBias == 1) { constant = bias[params.biasOffset + group.y]; }
  for (var p = gid.x; p < params.outer * params.strips * inner; p += groups.x * WG) {
    let line = quotient(p, inner);
    let o = quotient(line, params.strips);
    let first = (line - o * params.strips) * params.cells;
    let end = min(first + params.cells, params.size);
    let lane = p - line * inner;
    let base = xBase + o * params.size * inner + lane;
    var to = yBase + (o * outSize + first * params.ratio) * inner + lane;
    var before = loadTaps(base + (max(first, 1) - 1) * inner, tapPlane);
    var here = loadTaps(base + first * inner, tapPlane);
    for (var q = first; q < end; q++) {
      let after = loadTaps(base + min(q + 1, params.size - 1) * inner, tapPlane);
      let toBefore = before - here;
      let toAfter = after - here;
      for (var i = q * params.ratio; i < (q + 1) * params.ratio; i++) {
        let d = tapShift(i - q * params.ratio, step);
        let taps = insideTaps(here + max(-d, vec3f()) * toBefore + max(d, vec3f()) * toAfter, i, outSize);
        let sum = taps.x + taps.y + taps.z + constant;
        y[to] = Map(select(sum, max(sum, 0.0), params.relu == 1));
        to += inner;
      }
      before = here;
      here = after;
    }
  }
}

fn loadTaps(at: u32, tapPlane: u32) -> vec3f {
  return vec3f(Map3(x[at], x[at + tapPlane], x[at + 2 * tapPlane]));
}
