import { createImage, type GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { inverseFft2 } from './fft.js';

export interface PowerLaw {
  /** Power falls as 1/f^exponent. Breast tissue: 2.4-3.2 (Burgess, Med Phys 28:419, 2001: about 3). */
  readonly exponent: number;
  /** Direction along which structures run, radians from the x axis towards y (down). */
  readonly directionRad: number;
  /** 0 = the same in all directions .. 1. */
  readonly anisotropy: number;
}

export interface TextureSpectrum extends PowerLaw {
  /** Frequencies kept, cycles per pixel. */
  readonly band: readonly [low: number, high: number];
}

export const FULL_BAND: readonly [number, number] = [0, Math.SQRT1_2];

/**
 * A periodic random texture of zero mean and unit variance: white noise filtered in the Fourier domain.
 *
 * @param side px, a power of two
 */
export function powerLawTexture(side: number, spectrum: TextureSpectrum, random: Random): GrayImage {
  const re = new Float64Array(side * side);
  const im = new Float64Array(side * side);
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      const amplitude = amplitudeAt(signed(u, side), signed(v, side), spectrum);
      re[v * side + u] = amplitude * random.normal();
      im[v * side + u] = amplitude * random.normal();
    }
  }
  inverseFft2(re, im, side); // the real part of an unsymmetric spectrum has the same power law
  return standardised(re, side);
}

function signed(k: number, side: number): number {
  return (k < side / 2 ? k : k - side) / side;
}

function amplitudeAt(fx: number, fy: number, { exponent, directionRad, anisotropy, band }: TextureSpectrum): number {
  const f = Math.hypot(fx, fy);
  if (f === 0 || f < band[0] || f >= band[1]) return 0;
  // Structures along a direction have their power across it.
  const across = 1 - anisotropy * Math.cos(2 * (Math.atan2(fy, fx) - directionRad));
  return f ** (-exponent / 2) * Math.sqrt(across);
}

function standardised(values: Float64Array, side: number): GrayImage {
  const image = createImage(side, side);
  let squares = 0;
  for (const v of values) squares += v * v; // the mean is 0: no power at f = 0
  const scale = 1 / Math.sqrt(squares / values.length || 1);
  for (let i = 0; i < values.length; i++) image.data[i] = values[i]! * scale;
  return image;
}
