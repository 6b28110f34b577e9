import { describe, expect, it } from 'vitest';
import { breastMask } from '../../src/data/breast-mask.js';
import { Random } from '../../src/random.js';
import { inverseFft2 } from '../../src/synth/fft.js';
import { phantomMammogram, phantomSource } from '../../src/synth/phantom.js';
import { DEFAULT_SYNTH } from '../../src/synth/priors.js';
import { FULL_BAND, powerLawTexture } from '../../src/synth/texture.js';

describe('the Fourier transform', () => {
  it('turns one frequency into its wave', () => {
    const n = 16;
    const re = new Float64Array(n * n);
    const im = new Float64Array(n * n);
    re[2 * n + 3] = 1;
    inverseFft2(re, im, n);
    for (let i = 0; i < n * n; i++) {
      const phase = (2 * Math.PI * (3 * (i % n) + 2 * Math.floor(i / n))) / n;
      expect(re[i]).toBeCloseTo(Math.cos(phase), 12);
      expect(im[i]).toBeCloseTo(Math.sin(phase), 12);
    }
  });

  it('refuses a side that is not a power of two', () => {
    expect(() => inverseFft2(new Float64Array(36), new Float64Array(36), 6)).toThrow('side 6');
  });
});

describe('a power-law texture', () => {
  it.each([2.4, 3.2])('falls off with exponent %f', (exponent) => {
    const side = 128;
    const power = { low: 0, high: 0 };
    for (let k = 0; k < 6; k++) {
      const texture = powerLawTexture(side, { exponent, directionRad: 0, anisotropy: 0, band: FULL_BAND }, new Random(6, k));
      const re = Float64Array.from(texture.data);
      const im = new Float64Array(re.length);
      inverseFft2(re, im, side); // for a real image the same power as forward
      for (let v = 0; v < side; v++) {
        for (let u = 0; u < side; u++) {
          const f = Math.hypot(Math.min(u, side - u), Math.min(v, side - v));
          const p = re[v * side + u]! ** 2 + im[v * side + u]! ** 2;
          if (f >= 4 && f < 5) power.low += p / 28;
          if (f >= 32 && f < 33) power.high += p / 208;
        }
      }
    }
    const measured = Math.log(power.low / power.high) / Math.log(32.5 / 4.5);
    expect(Math.abs(measured - exponent)).toBeLessThan(0.25);
  });

  it('has zero mean and unit variance, and no seam where its tiles meet', () => {
    const { data } = powerLawTexture(64, { exponent: 3, directionRad: 0.4, anisotropy: 0.5, band: FULL_BAND }, new Random(2));
    expect(data.reduce((a, b) => a + b, 0) / data.length).toBeCloseTo(0, 5);
    expect(data.reduce((a, b) => a + b * b, 0) / data.length).toBeCloseTo(1, 5);
    const step = (x: number): number => {
      let sum = 0;
      for (let y = 0; y < 64; y++) sum += (data[y * 64 + x]! - data[y * 64 + ((x + 1) % 64)]!) ** 2;
      return sum;
    };
    const inner = Array.from({ length: 63 }, (_, x) => step(x));
    expect(step(63)).toBeLessThan(1.5 * Math.max(...inner));
  });
});

describe('a phantom', () => {
  it('patch stays within display intensities, on 12-bit levels', () => {
    const config = { ...DEFAULT_SYNTH, phantom: { ...DEFAULT_SYNTH.phantom, textures: 1 } };
    const { data } = phantomSource(config).crop(new Random(1), 100);
    for (const v of data) {
      expect(v).toBeGreaterThanOrEqual(0);
      expect(v).toBeLessThanOrEqual(1);
      expect(Math.abs(v * 4095 - Math.round(v * 4095))).toBeLessThan(1e-3);
    }
  });

  it.each(['CC', 'MLO'] as const)('mammogram (%s) has one breast at the chest wall, black around, and is rebuilt from its seed', (view) => {
    const options = { width: 300, height: 400, pixelSpacingMm: 0.5, view };
    const image = phantomMammogram(4, options);
    expect(phantomMammogram(4, options)).toEqual(image);
    const at = (x: number, y: number): number => image.data[y * 300 + x]!;
    expect(at(5, 200)).toBeGreaterThan(0.1);
    expect(at(295, 10)).toBe(0);
    expect(at(295, 390)).toBe(0);
    const part = breastMask(image).reduce((a, b) => a + b, 0) / (300 * 400);
    const tissue = image.data.reduce((count, v) => count + (v > 0 ? 1 : 0), 0) / (300 * 400);
    expect(Math.abs(part - tissue)).toBeLessThan(0.05);
  });

  it('mammogram in MLO shows the pectoral muscle in the upper corner, brighter than the breast', () => {
    const image = phantomMammogram(4, { width: 300, height: 400, pixelSpacingMm: 0.5, view: 'MLO' });
    const mean = (x0: number, y0: number): number => {
      let sum = 0;
      for (let y = y0; y < y0 + 20; y++) for (let x = x0; x < x0 + 20; x++) sum += image.data[y * 300 + x]! / 400;
      return sum;
    };
    expect(mean(10, 70)).toBeGreaterThan(1.2 * mean(10, 330));
  });
});
