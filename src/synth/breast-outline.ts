import type { Random } from '../random.js';

/** Craniocaudal or mediolateral oblique. */
export type View = 'CC' | 'MLO';

/** The outline of a compressed breast, chest wall at the left border of the image; all lengths in mm. */
export interface BreastOutline {
  /** How deep a point lies under the skin; below 0 outside. */
  depth(x: number, y: number): number;
  /** How far a point lies inside the pectoral muscle; -Infinity without one. */
  pectoralDepth(x: number, y: number): number;
  /** 0 at the chest wall .. 1 at the nipple. */
  towardNipple(x: number, y: number): number;
  readonly nipple: { readonly x: number; readonly y: number };
  /** Direction in which ducts run, radians from the x axis towards y. */
  readonly directionRad: number;
}

/** Mean direction of tissue toward the nipple: 5 degrees in CC, 22 in MLO. */
const DIRECTION_RAD: Readonly<Record<View, number>> = { CC: (5 * Math.PI) / 180, MLO: (22 * Math.PI) / 180 };

/** Half an ellipse, slightly pointed, hanging in MLO; with the pectoral muscle as a wedge in its upper corner in MLO. */
export function drawOutline(widthMm: number, heightMm: number, view: View, random: Random): BreastOutline {
  const directionRad = DIRECTION_RAD[view] * (view === 'CC' ? random.pick([-1, 1]) : 1);
  const length = widthMm * random.uniform(0.68, 0.85);
  const half = heightMm * random.uniform(0.38, 0.45);
  const middle = heightMm * (view === 'CC' ? random.uniform(0.47, 0.53) : random.uniform(0.5, 0.54));
  const sag = view === 'MLO' ? random.uniform(0.08, 0.16) : random.uniform(-0.02, 0.02); // mm down per mm from the chest wall
  const point = random.uniform(1.9, 2.2);
  const radius = (x: number, y: number): number => {
    const below = y - middle - sag * x;
    const down = below / (view === 'MLO' && below < 0 ? 1.25 * middle : half); // in MLO the axillary tail leaves at the top
    return (Math.abs(x / length) ** point + Math.abs(down) ** 2) ** 0.5;
  };
  const muscleTop = view === 'MLO' ? widthMm * random.uniform(0.28, 0.42) : 0;
  const muscleLow = heightMm * random.uniform(0.45, 0.65);
  return {
    depth: (x, y) => (1 - radius(x, y)) * Math.min(length, half),
    // Signed distance to the line from (muscleTop, 0) to (0, muscleLow).
    pectoralDepth: (x, y) => (view === 'MLO' ? (1 - x / muscleTop - y / muscleLow) / Math.hypot(1 / muscleTop, 1 / muscleLow) : -Infinity),
    towardNipple: (x) => Math.min(1, x / length),
    nipple: { x: length, y: middle + sag * length },
    directionRad,
  };
}
