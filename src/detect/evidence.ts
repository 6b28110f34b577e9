// What the scores of a whole image are computed from. None of it grows with the image: a crop around a group and the mammogram that
// holds the group say the same.
import { type BreastCounts, coverage, countBreast } from '../data/breast-coverage.js';
import type { Candidate } from './candidates.js';

export interface Evidence {
  /** Most expected MCs per cm2 of breast in any square of 3 cm side around a candidate: sum of the scores over the square's part inside the breast. */
  readonly density: number;
  /** Expected MCs in that square. */
  readonly count: number;
  /** Mean diameter of the candidates in it, weighted by their scores, mm. */
  readonly diameterMm: number;
  /** Root mean square distance of those from their centre, weighted by the squares of their scores, mm: a sure group among doubtful specks keeps its own. */
  readonly spreadMm: number;
}

/** Side of the square: a group in the sense of BI-RADS spans up to 2 cm, what is regional more. 2, 2.5, 3 and 4 cm were measured (docs/decisions/0014). */
const SIDE_MM = 30;
/** Least area that counts may be related to, cm2: one spot in a crop of a few mm is no group. */
const LEAST_CM2 = 0.25;
/** Of an image without candidates. */
const NOTHING: Evidence = { density: 0, count: 0, diameterMm: 0.3, spreadMm: 0 };

export interface EvidenceArea {
  readonly width: number;
  readonly height: number;
  /** 1 = breast; default: everything. */
  readonly breast?: Uint8Array | undefined;
  readonly pixelSpacingMm: number;
}

/** @param candidates all down to MIN_SCORE, on the working grid */
export function gatherEvidence(candidates: readonly Candidate[], area: EvidenceArea): Evidence {
  const half = SIDE_MM / 2 / area.pixelSpacingMm;
  const neighbours = neighbourhood(candidates, half);
  const breastCm2 = breastAround(area, half);
  let best = NOTHING;
  for (const candidate of candidates) {
    const members = neighbours(candidate);
    const count = members.reduce((sum, { score }) => sum + score, 0);
    const density = count / Math.max(LEAST_CM2, breastCm2(candidate));
    if (density <= best.density) continue;
    best = {
      density,
      count,
      diameterMm: mean(
        members,
        (c) => c.score,
        (c) => c.diameterMm,
      ),
      spreadMm: spread(members) * area.pixelSpacingMm,
    };
  }
  return best;
}

function mean<T>(items: readonly T[], weight: (item: T) => number, value: (item: T) => number): number {
  let [sum, total] = [0, 0];
  for (const item of items) {
    sum += weight(item) * value(item);
    total += weight(item);
  }
  return sum / total;
}

/** As {@link Evidence.spreadMm}, px. */
function spread(members: readonly Candidate[]): number {
  const average = (value: (c: Candidate) => number): number => mean(members, ({ score }) => score ** 2, value);
  const [x, y] = [average((c) => c.x), average((c) => c.y)];
  return Math.sqrt(average((c) => (c.x - x) ** 2 + (c.y - y) ** 2));
}

type Place = Pick<Candidate, 'x' | 'y'>;

/** Candidates at most `half` px away in both directions; found through cells of that side. */
function neighbourhood(candidates: readonly Candidate[], half: number): (place: Place) => Candidate[] {
  const key = (column: number, row: number): string => `${column} ${row}`;
  const cells = new Map<string, Candidate[]>();
  const cellOf = ({ x, y }: Place): [number, number] => [Math.floor(x / half), Math.floor(y / half)];
  for (const candidate of candidates) {
    const at = key(...cellOf(candidate));
    const cell = cells.get(at);
    if (cell) cell.push(candidate);
    else cells.set(at, [candidate]);
  }
  return (place) => {
    const [column, row] = cellOf(place);
    const found: Candidate[] = [];
    for (let r = row - 1; r <= row + 1; r++)
      for (let c = column - 1; c <= column + 1; c++)
        for (const other of cells.get(key(c, r)) ?? [])
          if (Math.abs(other.x - place.x) <= half && Math.abs(other.y - place.y) <= half) found.push(other);
    return found;
  };
}

/** Area of breast in the square around a place, cm2. */
function breastAround({ width, height, breast, pixelSpacingMm }: EvidenceArea, half: number): (place: Place) => number {
  const counts: BreastCounts | null = breast ? countBreast({ width, height }, breast) : null;
  const part = counts ? coverage({ width, height }, counts) : null;
  return ({ x, y }) => {
    const [left, top] = [Math.max(0, x - half), Math.max(0, y - half)];
    const [right, bottom] = [Math.min(width, x + half), Math.min(height, y + half)];
    const covered = part ? part(left, top, right - left, bottom - top) : 1;
    return (covered * (right - left) * (bottom - top) * pixelSpacingMm ** 2) / 100;
  };
}
