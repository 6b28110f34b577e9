// Three counters to 32 random bits: the first word of PCG3D.
// Jarzynski, Olano, Hash functions for GPU rendering, JCGT 9(3), 2020, https://jcgt.org/published/0009/03/02/
fn hash3(a: u32, b: u32, c: u32) -> u32 {
  var v = vec3u(a, b, c) * 1664525u + 1013904223u;
  v.x += v.y * v.z;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v ^= v >> vec3u(16u);
  v.x += v.y * v.z;
  return v.x;
}
