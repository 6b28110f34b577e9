import type { Mark } from './froc.js';

/** How well a heat map of one image points at its microcalcifications, whatever the map is made of. */
export interface Localisation {
  /** Share of the map's sum that lies on them; NaN where the map is 0 everywhere. */
  readonly energy: number;
  /** Whether its highest point is one of them: the pointing game (Zhang et al. 2018, https://arxiv.org/abs/1608.00507). */
  readonly pointed: boolean;
}

interface Truth {
  readonly width: number;
  /** 1 = microcalcification. */
  readonly mask: Uint8Array;
  /** Centres, px. */
  readonly mcs: readonly Mark[];
  /** So far from a centre a highest point still counts, px. */
  readonly tolerance: number;
}

/** @param heat not negative, one value per pixel */
export function localise(heat: ArrayLike<number>, { width, mask, mcs, tolerance }: Truth): Localisation {
  let [total, inside, peak] = [0, 0, 0];
  for (let i = 0; i < heat.length; i++) {
    const value = heat[i]!;
    total += value;
    if (mask[i] === 1) inside += value;
    if (value > heat[peak]!) peak = i;
  }
  const [x, y] = [peak % width, Math.floor(peak / width)];
  const pointed = total > 0 && mcs.some((mc) => Math.hypot(mc.x - x, mc.y - y) <= tolerance);
  return { energy: total > 0 ? inside / total : NaN, pointed };
}
