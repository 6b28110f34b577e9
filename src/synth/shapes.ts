import type { Random } from '../random.js';
import type { Morphology, Range } from './priors.js';

/** Solid ellipsoid, mm, relative to the calcification's centre: two semi-axes in the image plane, one along the beam (z). */
export interface Ellipsoid {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly a: number;
  readonly b: number;
  /** Of semi-axis a, radians from the x axis towards y. */
  readonly angleRad: number;
  /** Semi-axis along the beam. */
  readonly c: number;
}

/** One calcification in three dimensions: the union of its solids, less what its core lacks. */
export interface Shape {
  readonly solids: readonly Ellipsoid[];
  /** Lucent centre: this ellipsoid's thickness times `lack` is missing. */
  readonly core?: { readonly ellipsoid: Ellipsoid; readonly lack: number };
  /** SD of a further blur, mm: hazy, amorphous calcium. */
  readonly hazeMm: number;
}

/** How a calcification lies in the breast and the breast to the beam. */
export interface Situation {
  /** Of the duct or vessel it lies in, radians; where a shape has a length, it follows that. */
  readonly alongRad: number;
  /** Where gravity draws in the image, radians; the same for a whole lesion. */
  readonly downRad: number;
  /** The beam follows gravity, as in CC views: what has settled is seen from above. */
  readonly fromAbove: boolean;
}

/** Distance of a rod's beads, in its widths: close enough to look like one. */
const BEAD_STEP = 0.6;
/** A rod's beads: their half widths in half of the rod's, and how much longer than wide they are; long ones hide the beads. */
interface Beads {
  readonly radius: Range;
  readonly length: number;
}
const UNEVEN: Beads = { radius: [0.7, 1.25], length: 1.15 };
const SMOOTH: Beads = { radius: [0.93, 1.07], length: 2 };
const CUP_BEADS = 11;

/** A random calcification of about the given diameter (of the circle of the same projected area), mm. */
export function drawShape(morphology: Morphology, diameterMm: number, situation: Situation, random: Random): Shape {
  const { alongRad } = situation;
  switch (morphology) {
    case 'round':
      return drawRound(diameterMm, random);
    case 'rim':
      return drawRim(diameterMm, random);
    case 'coarse':
      return {
        solids: drawLumps(diameterMm, { count: 4 + random.int(6), size: [0.45, 0.78], spread: 0.6, axes: [0.6, 1] }, random),
        hazeMm: 0,
      };
    case 'coarse-heterogeneous':
      return {
        solids: drawLumps(diameterMm, { count: 2 + random.int(4), size: [0.35, 0.75], spread: 0.95, axes: [0.25, 1] }, random),
        hazeMm: 0,
      };
    case 'pleomorphic':
      return {
        solids: drawLumps(diameterMm, { count: 2 + random.int(5), size: [0.42, 0.85], spread: 0.75, axes: [0.3, 1] }, random),
        hazeMm: 0,
      };
    case 'amorphous':
      return {
        solids: drawLumps(diameterMm, { count: 5 + random.int(6), size: [0.4, 0.72], spread: 0.8, axes: [0.5, 1] }, random),
        hazeMm: 0.2 * diameterMm,
      };
    case 'rod':
      return { solids: drawRod(diameterMm, random.uniform(3, 8), alongRad + random.normal(0, 0.2), random, SMOOTH), hazeMm: 0 };
    case 'vascular':
      return { solids: drawRod(diameterMm, random.uniform(2, 7), alongRad + random.normal(0, 0.1), random), hazeMm: 0 };
    case 'milk-of-calcium':
      return drawMilkOfCalcium(diameterMm, situation, random);
    case 'fine-linear':
      return drawFineLinear(diameterMm, alongRad, random);
  }
}

function drawRound(diameterMm: number, random: Random): Shape {
  const r = diameterMm / 2;
  const stretch = random.uniform(1, 1.15);
  const main = { x: 0, y: 0, z: 0, a: r * stretch, b: r / stretch, c: r, angleRad: random.uniform(0, Math.PI) };
  if (random.next() < 0.7) return { solids: [main], hazeMm: 0 };
  const around = random.uniform(0, 2 * Math.PI); // every third is oval or lobulated
  const size = r * random.uniform(0.55, 0.75);
  const bump = { x: 0.45 * r * Math.cos(around), y: 0.45 * r * Math.sin(around), z: 0, a: size, b: size, c: size, angleRad: 0 };
  return { solids: [main, bump], hazeMm: 0 };
}

function drawRim(diameterMm: number, random: Random): Shape {
  const r = diameterMm / 2;
  const stretch = random.uniform(1, 1.2);
  const angleRad = random.uniform(0, Math.PI);
  const outer = { x: 0, y: 0, z: 0, a: r * stretch, b: r / stretch, c: 0.8 * r, angleRad };
  const inner = random.uniform(0.65, 0.85);
  const shift = 0.25 * (1 - inner) * r;
  const ellipsoid = {
    ...outer,
    x: random.uniform(-shift, shift),
    y: random.uniform(-shift, shift),
    a: inner * outer.a,
    b: inner * outer.b,
    c: inner * outer.c,
  };
  return { solids: [outer], core: { ellipsoid, lack: random.uniform(0.75, 0.95) }, hazeMm: 0 };
}

interface Lumps {
  readonly count: number;
  /** Radius of a lump as a part of the whole's. */
  readonly size: readonly [number, number];
  /** How far out the lumps' centres may lie, as a part of the whole's radius. */
  readonly spread: number;
  /** Ratio of a lump's short to its long axis. */
  readonly axes: readonly [number, number];
}

/** Overlapping ellipsoids: each new one starts on the skin of an earlier one, so that the whole is irregular but in one piece. */
function drawLumps(diameterMm: number, { count, size, spread, axes }: Lumps, random: Random): Ellipsoid[] {
  const r = diameterMm / 2;
  const lumps: Ellipsoid[] = [];
  for (let i = 0; i < count; i++) {
    const parent = i === 0 ? undefined : random.pick(lumps);
    const around = random.uniform(0, 2 * Math.PI);
    const away = parent ? 0.8 * parent.b : 0;
    const radius = r * random.uniform(...size);
    const ratio = Math.sqrt(random.uniform(...axes));
    const [x, y] = within((parent?.x ?? 0) + away * Math.cos(around), (parent?.y ?? 0) + away * Math.sin(around), spread * r);
    lumps.push({
      x,
      y,
      z: 0.3 * radius * random.normal(),
      a: radius / ratio,
      b: radius * ratio,
      c: radius,
      angleRad: random.uniform(0, Math.PI),
    });
  }
  return lumps;
}

function within(x: number, y: number, limit: number): readonly [number, number] {
  const pull = Math.min(1, limit / (Math.hypot(x, y) || 1));
  return [x * pull, y * pull];
}

/** Calcium that has settled in a small cyst: from the side a cup, from above a soft round smudge. */
function drawMilkOfCalcium(diameterMm: number, { downRad, fromAbove }: Situation, random: Random): Shape {
  const r = diameterMm / 2;
  if (fromAbove) {
    const stretch = random.uniform(1, 1.2);
    const disc = { x: 0, y: 0, z: 0, a: r * stretch, b: r / stretch, c: 0.3 * r, angleRad: random.uniform(0, Math.PI) };
    return { solids: [disc], hazeMm: 0.15 * diameterMm };
  }
  const curvature = random.uniform(1.3, 2); // radius of the cup's middle line, in r
  const opening = random.uniform(1.8, 2.6); // radians
  const thickness = (0.6 * Math.PI * r) / (curvature * opening); // gives about the area of the circle
  const cup = Array.from({ length: CUP_BEADS }, (_, i): Ellipsoid => {
    const off = (i / (CUP_BEADS - 1) - 0.5) * opening;
    const radius = thickness * Math.max(0.25, Math.cos((2.6 * off) / opening)) * random.uniform(0.95, 1.05);
    const around = downRad + off;
    return { ...onCircle(curvature * r, around), z: 0, a: 1.1 * radius, b: radius, c: radius, angleRad: around + Math.PI / 2 };
  });
  return { solids: centred(cup), hazeMm: 0.04 * diameterMm };
}

function onCircle(radius: number, angleRad: number): { x: number; y: number } {
  return { x: radius * Math.cos(angleRad), y: radius * Math.sin(angleRad) };
}

/** A bent rod of the area of the circle of that diameter, `aspect` times as long as wide, as a chain of beads of uneven width. */
function drawRod(diameterMm: number, aspect: number, alongRad: number, random: Random, beads = UNEVEN): Ellipsoid[] {
  const width = diameterMm * Math.sqrt(Math.PI / (4 * aspect));
  const bend = random.normal(0, 0.35) / aspect; // radians per width
  const steps = Math.max(1, Math.round((aspect - 1) / BEAD_STEP));
  const solids: Ellipsoid[] = [];
  let [x, y, heading] = [0, 0, alongRad];
  for (let i = 0; i <= steps; i++) {
    const radius = (width / 2) * random.uniform(...beads.radius);
    solids.push({ x, y, z: 0, a: beads.length * radius, b: radius, c: radius, angleRad: heading });
    x += BEAD_STEP * width * Math.cos(heading);
    y += BEAD_STEP * width * Math.sin(heading);
    heading += BEAD_STEP * bend + random.normal(0, 0.12);
  }
  return centred(solids);
}

/** Casts of small ducts: thin rods, one in three with a branch. */
function drawFineLinear(diameterMm: number, alongRad: number, random: Random): Shape {
  const aspect = random.uniform(2.5, 7);
  const heading = alongRad + random.normal(0, 0.35);
  if (random.next() > 0.35) return { solids: drawRod(diameterMm, aspect, heading, random), hazeMm: 0 };
  const trunk = drawRod(0.8 * diameterMm, aspect, heading, random);
  const fork = random.pick(trunk);
  const turn = random.pick([-1, 1]) * random.uniform(0.5, 1.1);
  const branch = drawRod(0.6 * diameterMm, 0.6 * aspect, heading + turn, random);
  const root = branch[0]!;
  const moved = branch.map((bead) => ({ ...bead, x: bead.x - root.x + fork.x, y: bead.y - root.y + fork.y }));
  return { solids: centred([...trunk, ...moved]), hazeMm: 0 };
}

function centred(solids: readonly Ellipsoid[]): Ellipsoid[] {
  const cx = solids.reduce((sum, s) => sum + s.x, 0) / solids.length;
  const cy = solids.reduce((sum, s) => sum + s.y, 0) / solids.length;
  return solids.map((s) => ({ ...s, x: s.x - cx, y: s.y - cy }));
}
