import { expect, it } from 'vitest';
import { Random } from '../../src/random.js';
import { type Footprint, projectShape } from '../../src/synth/footprint.js';
import type { Morphology } from '../../src/synth/priors.js';
import { drawShape, type Situation } from '../../src/synth/shapes.js';

const SPACING = 0.05;
const SIDEWAYS: Situation = { alongRad: 0, downRad: Math.PI / 2, fromAbove: false };

function project(morphology: Morphology, diameterMm: number, situation: Situation, seed: number): Footprint {
  const shape = drawShape(morphology, diameterMm, situation, new Random(2, seed));
  return projectShape(shape, { x: 60, y: 60, pixelSpacingMm: SPACING, mtfMm: 0.03 });
}

/** Extents of what is thicker than half of the peak, px. */
function extents({ thickness, width }: Footprint): { across: number; down: number } {
  const lit = [...thickness].flatMap((t, i) => (t > 0.5 ? [{ x: i % width, y: Math.floor(i / width) }] : []));
  const range = (values: number[]): number => Math.max(...values) - Math.min(...values) + 1;
  return { across: range(lit.map((p) => p.x)), down: range(lit.map((p) => p.y)) };
}

const TWENTY = Array.from({ length: 20 }, (_, i) => i);

it('a large rod is at least twice as long as wide, along its duct, and half a millimetre wide or nearly', () => {
  for (const seed of TWENTY) {
    const { across, down } = extents(project('rod', 1.5, SIDEWAYS, seed));
    expect(across).toBeGreaterThan(1.8 * down);
    expect(down * SPACING).toBeGreaterThan(0.4);
  }
});

it('milk of calcium from the side is a cup: thicker at the bottom than in its middle, hollow upwards', () => {
  for (const seed of TWENTY) {
    const { thickness, width, height, x0, y0 } = project('milk-of-calcium', 0.7, SIDEWAYS, seed);
    const column = Math.round(60 - x0);
    const at = (y: number): number => thickness[y * width + column] ?? 0;
    const bottom = Math.max(...Array.from({ length: height }, (_, y) => at(y)));
    expect(bottom).toBeGreaterThan(0.8);
    const rim = Math.max(0, Math.round(60 - y0 - 0.25 / SPACING));
    expect(at(rim)).toBeLessThan(0.25);
  }
});

it('milk of calcium from above is round and soft', () => {
  for (const seed of TWENTY) {
    const { across, down } = extents(project('milk-of-calcium', 0.7, { ...SIDEWAYS, fromAbove: true }, seed));
    expect(across / down).toBeGreaterThan(0.65);
    expect(across / down).toBeLessThan(1.5);
  }
});

it('a rim is thinner in its middle than at its edge', () => {
  for (const seed of TWENTY) {
    const { thickness, width, x0, y0 } = project('rim', 1.2, SIDEWAYS, seed);
    expect(thickness[Math.round(60 - y0) * width + Math.round(60 - x0)]).toBeLessThan(0.75);
  }
});
