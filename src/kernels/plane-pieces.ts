/** Pixels that one workgroup sums, at least, and the most pieces of a plane. */
const LEAST = 1024;
const MOST_PIECES = 1024;

/** Pieces in which a plane is summed: from its size alone, so that every run adds in the same order. */
export function planePieces(plane: number): { readonly piece: number; readonly pieces: number } {
  const piece = Math.max(LEAST, Math.ceil(plane / MOST_PIECES));
  return { piece, pieces: Math.ceil(plane / piece) };
}

/** Pixels that one invocation adds up, and the most invocations that share a plane. */
const LANE_PIXELS = 64;
const MOST_LANES = 1024;

/** Invocations, a multiple of 8, that share the sums over a plane where each leaves its own: from its size alone as well. */
export function planeLanes(plane: number): number {
  return Math.min(MOST_LANES, 8 * Math.ceil(plane / (8 * LANE_PIXELS)));
}
