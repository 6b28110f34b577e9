/** Pixels that one workgroup sums, at least, and the most pieces of a plane. */
const LEAST = 1024;
const MOST_PIECES = 1024;

/** Pieces in which a plane is summed: from its size alone, so that every run adds in the same order. */
export function planePieces(plane: number): { readonly piece: number; readonly pieces: number } {
  const piece = Math.max(LEAST, Math.ceil(plane / MOST_PIECES));
  return { piece, pieces: Math.ceil(plane / piece) };
}
