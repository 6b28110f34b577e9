import { describe, expect, it } from 'vitest';
import { createImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { projectShape, type Footprint } from '../../src/synth/footprint.js';
import { insertFootprint, markFootprint } from '../../src/synth/insert.js';
import { DEFAULT_SYNTH, type Morphology } from '../../src/synth/priors.js';
import { drawShape, type Shape, type Situation } from '../../src/synth/shapes.js';

const LOG_RANGE = 1.2;
const MORPHOLOGIES = Object.keys(DEFAULT_SYNTH.diameterMm) as Morphology[];
const SIDEWAYS: Situation = { alongRad: 1, downRad: 2, fromAbove: false };

function ball(radiusMm: number): Shape {
  return { solids: [{ x: 0, y: 0, z: 0, a: radiusMm, b: radiusMm, c: radiusMm, angleRad: 0 }], hazeMm: 0 };
}

function project(shape: Shape, pixelSpacingMm: number, at = 20.3): Footprint {
  return projectShape(shape, { x: at, y: at, pixelSpacingMm, mtfMm: 0.05 });
}

describe('a projected calcification', () => {
  it.each([0.05, 0.1])('of 0.8 mm measures 0.8 mm at a spacing of %f mm', (spacing) => {
    const footprint = project(ball(0.4), spacing);
    expect(footprint.diameterMm).toBeGreaterThan(0.78);
    expect(footprint.diameterMm).toBeLessThan(0.82);
    const image = createImage(41, 41);
    const mask = new Uint8Array(41 * 41);
    markFootprint(mask, image, footprint, 0.5);
    // A ball is half as thick as in the middle at sqrt(3)/2 of its radius.
    const maskDiameter = 2 * Math.sqrt((mask.reduce((a, b) => a + b, 0) * spacing ** 2) / Math.PI);
    expect(Math.abs(maskDiameter - 0.8 * Math.sqrt(0.75))).toBeLessThan(0.06);
  });

  it('is as thick as its ball, seen from the middle outwards', () => {
    const { thickness, width, height, x0, y0 } = project(ball(1), 0.1, 20);
    for (const [i, t] of thickness.entries()) {
      const r = Math.hypot(x0 + (i % width) - 20, y0 + Math.floor(i / width) - 20) * 0.1;
      if (r < 0.8) expect(t).toBeCloseTo(Math.sqrt(1 - r * r), 1);
    }
    expect(height).toBe(width);
  });

  it('has its centre of mass where it was put, between pixels too', () => {
    const { x, y } = project(ball(0.1), 0.1, 20.37);
    expect(x).toBeCloseTo(20.37, 1);
    expect(y).toBeCloseTo(20.37, 1);
  });

  it.each(MORPHOLOGIES)('%s: the drawn diameter is met within a factor, and the two spacings agree', (morphology) => {
    const measured = (spacing: number): number[] =>
      Array.from({ length: 40 }, (_, i) => project(drawShape(morphology, 0.5, SIDEWAYS, new Random(3, i)), spacing).diameterMm);
    const coarse = measured(0.1);
    const fine = measured(0.05);
    const mean = fine.reduce((a, b) => a + b, 0) / fine.length;
    expect(mean).toBeGreaterThan(0.35);
    expect(mean).toBeLessThan(0.65);
    for (const [i, d] of fine.entries()) expect(Math.abs(d - coarse[i]!)).toBeLessThan(0.06);
  });

  it('smaller than a pixel still owns one', () => {
    for (const radius of [0.001, 0.01, 0.03]) {
      const mask = new Uint8Array(41 * 41);
      markFootprint(mask, createImage(41, 41), project(ball(radius), 0.1), 1);
      expect(mask[20 * 41 + 20]).toBe(1);
    }
  });
});

describe('insertion', () => {
  it('takes the stated part of the X-rays away where it is thickest, and nothing outside the footprint', () => {
    const random = new Random(4);
    const image = createImage(41, 41);
    for (let i = 0; i < image.data.length; i++) image.data[i] = random.uniform(0.1, 0.8);
    const before = image.data.slice();
    const footprint = project(drawShape('pleomorphic', 0.5, SIDEWAYS, random), 0.1);
    insertFootprint(image, footprint, 0.2, LOG_RANGE);
    let strongest = 0;
    for (let i = 0; i < before.length; i++) {
      const m = thicknessAt(footprint, i % 41, Math.floor(i / 41));
      if (m === 0) expect(image.data[i]).toBe(before[i]);
      const raw = (display: number): number => Math.exp(-LOG_RANGE * display);
      const left = raw(image.data[i]!) / raw(before[i]!);
      expect(left).toBeCloseTo(1 - 0.2 * m, 5);
      strongest = Math.max(strongest, 1 - left);
    }
    expect(strongest).toBeCloseTo(0.2, 5);
  });

  it('adds the same to bright and dark ground: the noise under a calcification is kept', () => {
    const footprint = project(ball(0.3), 0.1);
    const added = [0.1, 0.7].map((level) => {
      const image = { ...createImage(41, 41), data: new Float32Array(41 * 41).fill(level) };
      insertFootprint(image, footprint, 0.15, LOG_RANGE);
      return image.data.map((v) => v - level);
    });
    for (let i = 0; i < 41 * 41; i++) expect(added[0]![i]).toBeCloseTo(added[1]![i]!, 6);
  });

  it('is cut off at the border of the image', () => {
    const image = createImage(10, 10);
    insertFootprint(image, projectShape(ball(0.4), { x: 0, y: 9, pixelSpacingMm: 0.1, mtfMm: 0.05 }), 0.2, LOG_RANGE);
    expect(image.data[90]).toBeGreaterThan(0.1);
    expect(image.data[5]).toBe(0);
  });
});

function thicknessAt({ x0, y0, width, height, thickness }: Footprint, x: number, y: number): number {
  const [u, v] = [x - x0, y - y0];
  return u < 0 || v < 0 || u >= width || v >= height ? 0 : thickness[v * width + u]!;
}
