/** One 8-connected set of ones. */
interface Piece {
  readonly size: number;
  readonly touchesBorder: boolean;
}

export interface Components {
  /** Number of the piece a pixel belongs to, in row-major order of their first pixels; -1 for zeros. */
  readonly of: Int32Array;
  readonly pieces: readonly Piece[];
}

/** The 8-connected pieces of a mask (1 = in it). */
export function labelComponents(mask: Uint8Array, width: number, height: number): Components {
  const of = new Int32Array(mask.length).fill(-1);
  const pieces: Piece[] = [];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 1 && of[i] === -1) pieces.push(flood(mask, of, width, height, i, pieces.length));
  }
  return { of, pieces };
}

/** The largest piece alone; of equal ones the first. All zero where there is none. */
export function largestComponent(mask: Uint8Array, width: number, height: number): Uint8Array {
  const { of, pieces } = labelComponents(mask, width, height);
  const largest = pieces.reduce((most, piece) => Math.max(most, piece.size), 0);
  const label = pieces.findIndex((piece) => piece.size === largest);
  return Uint8Array.from(of, (l) => (l === label && label !== -1 ? 1 : 0));
}

/** Writes `label` on the piece that holds pixel `start`. */
function flood(mask: Uint8Array, of: Int32Array, width: number, height: number, start: number, label: number): Piece {
  const stack = [start];
  of[start] = label;
  let size = 0;
  let touchesBorder = false;
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const x = i % width;
    const y = (i - x) / width;
    size++;
    touchesBorder ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const j = ny * width + nx;
        if (mask[j] !== 1 || of[j] !== -1) continue;
        of[j] = label;
        stack.push(j);
      }
    }
  }
  return { size, touchesBorder };
}
