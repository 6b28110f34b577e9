import { MAX_WORKGROUPS, type Grid } from '../runtime/recorder.js';

/** Pixels that one invocation handles before a plane is spread over more workgroups. */
const PIXELS_PER_INVOCATION = 4;

/** Grid of the kernels that stride over one plane per (y, z) workgroup: x along the plane, y = channels (or groups of them), z = images. */
export function planeGrid(
  plane: number,
  channels: number,
  images: number,
  workgroupSize: number,
  perInvocation = PIXELS_PER_INVOCATION,
): Grid {
  return [Math.min(MAX_WORKGROUPS, Math.ceil(plane / (workgroupSize * perInvocation))), channels, images];
}
