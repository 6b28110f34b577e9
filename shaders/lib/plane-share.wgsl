// Sums over planes without workgroup memory: `lanes` invocations share a plane, each adds up every lanes-th pixel and writes a
// partial sum of its own. The requiring file declares params with plane, lanes and images.
struct Share { channel: u32, image: u32, lane: u32 }                   // channel of this run

// Of invocation e, in the order [channel, image, lane].
fn planeShare(e: u32) -> Share {
  let row = e / params.lanes;
  let channel = row / params.images;
  return Share(channel, row - channel * params.images, e - row * params.lanes);
}

// Four of the pixels that an invocation walks over: `at` where to load them, `inside` which of them the plane has.
struct Quad { at: vec4u, inside: vec4<bool> }

fn planeQuad(first: u32) -> Quad {
  let p = first + vec4u(0u, 1u, 2u, 3u) * params.lanes;
  return Quad(min(p, vec4u(params.plane - 1u)), p < vec4u(params.plane));
}
