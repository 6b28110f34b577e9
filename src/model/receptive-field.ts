import { LEVELS } from './unet3plus.js';
import type { UNet3PlusConfig } from './config.js';

/**
 * How many input pixels an output pixel looks to each side, at most: the halo that makes tiled inference equal to untiled.
 * Every map of level k is known to depend on the input within `reach[k]` pixels of its own footprint; poolings and bilinear
 * steps add the width of the coarser grid cell.
 */
export function receptiveRadius(config: UNet3PlusConfig): number {
  const encoder: number[] = [];
  for (let k = 0; k < LEVELS; k++) {
    const pixel = 2 ** k;
    encoder.push((k === 0 ? 0 : (encoder[k - 1] ?? 0) + pixel / 2) + 2 * pixel);
  }
  const coarsest = 2 ** (LEVELS - 1);
  const context = config.context ? coarsest * Math.max(...config.context.dilations, (config.context.window - 1) / 2) : 0;
  const decoder = [...encoder];
  decoder[LEVELS - 1] = (encoder[LEVELS - 1] ?? 0) + context;
  for (let k = LEVELS - 2; k >= 0; k--) {
    const pixel = 2 ** k;
    const branches = Array.from({ length: LEVELS }, (_, s) => {
      if (s <= k) return (encoder[s] ?? 0) + pixel + pixel;
      const conv = config.upsampling === 'before-conv' ? pixel : 2 ** s;
      return (decoder[s] ?? 0) + conv + 1.5 * 2 ** s;
    });
    decoder[k] = Math.max(...branches) + pixel;
  }
  const heads = decoder.map((reach, k) => reach + 2 ** k + (config.fusedHead && k > 0 ? 1.5 * 2 ** k : 0));
  return Math.ceil(Math.max(...(config.deepSupervision ? heads : heads.slice(0, 1))));
}

/** The radius rounded up to the alignment of tiles, which start at multiples of 16 so that all poolings fall alike. */
export function tileHalo(config: UNet3PlusConfig): number {
  const align = 2 ** (LEVELS - 1);
  return Math.ceil(receptiveRadius(config) / align) * align;
}
