import { describe, expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { type Footprint, projectShape } from '../../src/synth/footprint.js';
import { gaussianBlur } from '../../src/synth/gaussian.js';
import type { Shape } from '../../src/synth/shapes.js';
import { snrPerDepth } from '../../src/synth/visibility.js';

const LOG_RANGE = 1.2;
const SIDE = 160;

const ball = (radius: number): Shape => ({
  solids: [{ x: 0, y: 0, z: 0, a: radius, b: radius, c: radius, angleRad: 0 }],
  hazeMm: 0,
});

const at = (radiusMm: number, x = 80, y = 80): Footprint => projectShape(ball(radiusMm), { x, y, pixelSpacingMm: 0.1, mtfMm: 0.05 });

function noise(sd: number, seed: number): GrayImage {
  const random = new Random(seed);
  const image = createImage(SIDE, SIDE);
  for (let i = 0; i < image.data.length; i++) image.data[i] = 0.5 + sd * random.normal();
  return image;
}

/** The filter's energy: squares of the thickness less its mean. */
function energyOf({ thickness }: Footprint): number {
  const mean = thickness.reduce((sum, m) => sum + m, 0) / thickness.length;
  return thickness.reduce((sum, m) => sum + (m - mean) ** 2, 0);
}

describe('how well a calcification can be seen', () => {
  it.each([0.1, 0.2, 0.4])('in white noise is what the matched filter of a ball of %f mm gives', (radius) => {
    const footprint = at(radius);
    const expected = Math.sqrt(energyOf(footprint)) / LOG_RANGE / 0.004;
    const found = [1, 2, 3, 4].map((seed) => snrPerDepth(noise(0.004, seed), footprint, LOG_RANGE, 0));
    const mean = found.reduce((sum, v) => sum + v, 0) / found.length;
    expect(Math.abs(mean / expected - 1)).toBeLessThan(0.1);
  });

  it('adds the noise that will be added in squares', () => {
    const footprint = at(0.2);
    const image = noise(0.003, 5);
    const [alone, more] = [0, 0.004].map((sd) => snrPerDepth(image, footprint, LOG_RANGE, sd));
    const added = Math.sqrt(energyOf(footprint)) / LOG_RANGE / 0.004;
    expect(1 / more! ** 2).toBeCloseTo(1 / alone! ** 2 + 1 / added ** 2, 8);
  });

  it('texture hides what is of its own size, noise what is small', () => {
    const white = noise(0.004, 7);
    const smooth = gaussianBlur(noise(0.004, 8), 3);
    const texture = { ...smooth, data: smooth.data.map((v) => 0.5 + 10 * (v - 0.5)) };
    const gain = (radius: number): number => {
      const footprint = at(radius);
      return snrPerDepth(texture, footprint, LOG_RANGE, 0) / snrPerDepth(white, footprint, LOG_RANGE, 0);
    };
    expect(gain(0.1) / gain(0.5)).toBeGreaterThan(2);
  });

  it('shading across the window does not count, and borders leave it finite', () => {
    const ramp = noise(0.004, 9);
    const shaded = { ...ramp, data: ramp.data.map((v, i) => v + 0.3 * (Math.floor(i / SIDE) / SIDE)) };
    const footprint = at(0.2);
    expect(snrPerDepth(shaded, footprint, LOG_RANGE, 0) / snrPerDepth(ramp, footprint, LOG_RANGE, 0)).toBeGreaterThan(0.95);
    expect(snrPerDepth(ramp, at(0.2, 0, 0), LOG_RANGE, 0)).toBeGreaterThan(1);
    expect(snrPerDepth(createImage(5, 5), at(0.2, 2, 2), LOG_RANGE, 0.01)).toBeGreaterThan(0);
  });
});
