// Peak of fused multiply-adds out of registers: nothing but arithmetic, four independent vectors per invocation. (A single one, each
// multiply-add waiting for the one before, gave half of that on a CPU: the latency, not the rate.)
//   a = a * factor + addend, 8 times per round; the sum of the vectors is stored so that no compiler may leave the work out
// 8 rounds x 4 vectors x 4 lanes x 2 = 256 operations per invocation and round; grid = (invocations / WG folded into x and y, 1).
// requires: lib/index.wgsl
override WG: u32 = 64;                // invocations per workgroup
struct Params {
  rounds: u32,
  factor: f32, addend: f32,           // keep the values near 1: no overflow, no denormals
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;      // [invocations]
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flatIndex(gid, groups, WG);
  if (i >= arrayLength(&y)) { return; }
  let factor = vec4f(params.factor);
  let addend = vec4f(params.addend);
  var a = vec4f(f32(i) * 1e-9) + vec4f(0.1, 0.2, 0.3, 0.4);
  var b = a + 0.4;
  var c = a + 0.8;
  var d = a + 1.2;
  for (var k = 0u; k < params.rounds; k++) {
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
  }
  let sum = a + b + c + d;
  y[i] = sum.x + sum.y + sum.z + sum.w;
}
