// Transpose of linear interpolation along one axis; bilinear = this along H, then along W. Planes are [outer, axis, inner].
//   dx[o,a,k] = sum over i of max(0, 1 - |s(i) - a|) * dy[o,i,k]        s(i) = (i + 0.5) * size / outSize - 0.5 clamped to 0 ... size - 1
// In units of 1 / (2 * outSize): s(i) - a = (2i + 1) * size - (2a + 1) * outSize.
// One invocation per element of dx's plane and group of CHANNELS channels; grid = (ceil(outer*size*inner / WG), ceil(C / CHANNELS), N).
// requires: lib/map.wgsl
// requires: lib/quotient.wgsl
override WG: u32 = 64;                // invocations per workgroup
override CHANNELS: u32 = 8;           // channels per invocation
struct Params {
  outer: u32, inner: u32,             // elements before and after the axis in a plane
  size: u32, outSize: u32,            // of the axis in dx and in dy, pixels
  channels: u32,                      // C of this run
  dyChannels: u32, dyOffset: u32,     // channels in each buffer, first channel of this run there
  dxChannels: u32, dxOffset: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Map>;               // [N,dyChannels,outer,outSize,inner]
@group(0) @binding(1) var<storage, read_write> dx: array<Map>;         // [N,dxChannels,outer,size,inner]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let size = params.size;
  let outSize = params.outSize;
  let outPlane = params.outer * outSize * params.inner;
  let plane = params.outer * size * params.inner;
  let unit = 1.0 / f32(2 * outSize);
  let channelEnd = min((group.y + 1) * CHANNELS, params.channels);
  for (var p = gid.x; p < plane; p += groups.x * WG) {
    let line = quotient(p, params.inner);
    let o = quotient(line, size);
    let a = line - o * size;
    // first <= i < end where |s(i) - a| < 1; at the border everything beyond it too. Empty where a shrinking axis skips pixel a.
    let first = select((quotient((2 * max(a, 1) - 1) * outSize, size) + 1) / 2, 0, a == 0);
    let end = select(quotient((2 * a + 3) * outSize + size - 1, size) / 2, outSize, a == size - 1);
    let lowest = -i32(a * 2 * outSize);
    let highest = i32((size - 1 - a) * 2 * outSize);
    let start = i32((2 * first + 1) * size) - i32((2 * a + 1) * outSize);
    let firstAt = (o * outSize + first) * params.inner + (p - line * params.inner);
    for (var c = group.y * CHANNELS; c < channelEnd; c++) {
      var at = (group.z * params.dyChannels + params.dyOffset + c) * outPlane + firstAt;
      var distance = start;
      var sum = 0.0;
      for (var i = first; i < end; i++) {
        let weight = 1.0 - f32(abs(clamp(distance, lowest, highest))) * unit;
        sum += max(weight, 0.0) * f32(dy[at]);
        distance += i32(2 * size);
        at += params.inner;
      }
      dx[(group.z * params.dxChannels + params.dxOffset + c) * plane + p] = Map(sum);
    }
  }
}
