// Flat index of an invocation in a grid made by `flatGrid`: workgroups folded into two dimensions, WG invocations along x.
fn flatIndex(invocation: vec3u, workgroups: vec3u, workgroupSize: u32) -> u32 {
  return invocation.y * (workgroups.x * workgroupSize) + invocation.x;
}
