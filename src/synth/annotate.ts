import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { labelComponents } from '../data/components.js';
import type { AnnotatedMark } from '../data/sets/annotation-file.js';
import type { Sample, SyntheticMC } from './sample.js';

/** What was drawn into a sample, as annotations that `mcgpu evaluate --dataset folder` reads: pixels of each MC, and areas that may hold real ones. */
export function marksOf({ masks, ignore, mcs, raw: { width, height } }: Pick<Sample, 'masks' | 'ignore' | 'mcs' | 'raw'>): AnnotatedMark[] {
  const pixels = mcs.map((): number[] => []);
  for (const [c, mask] of masks.entries())
    for (let i = 0; i < mask.length; i++)
      if (mask[i] === 1) pixels[ownerOf(i % width, Math.floor(i / width), mcs, SEGMENTATION_CHANNELS[c]!)]?.push(i);
  const drawn = mcs.map(({ x, y, contrast }, k): AnnotatedMark => {
    const own = pixels[k]!;
    return own.length > 0 ? { contrast, runs: runsOf(own, width) } : { contrast, point: [x, y] };
  });
  const { of, pieces } = labelComponents(ignore, width, height);
  const unsure = pieces.map((): number[] => []);
  for (let i = 0; i < of.length; i++) if (of[i]! >= 0) unsure[of[i]!]!.push(i);
  return [...drawn, ...unsure.map((own): AnnotatedMark => ({ role: 'cluster', runs: runsOf(own, width) }))];
}

/** The MC of a class that a pixel of its mask belongs to: the one whose rim is nearest. */
function ownerOf(x: number, y: number, mcs: readonly SyntheticMC[], of: SyntheticMC['class']): number {
  let [owner, least] = [-1, Infinity];
  for (const [k, mc] of mcs.entries()) {
    // In units of its size: without the pixel spacing, a ratio of distances stands for the distance from the rim.
    const distance = Math.hypot(mc.x - x, mc.y - y) / mc.diameterMm;
    if (mc.class === of && distance < least) [owner, least] = [k, distance];
  }
  return owner;
}

/** @param pixels row-major indices, ascending */
function runsOf(pixels: readonly number[], width: number): [row: number, x0: number, x1: number][] {
  const runs: [number, number, number][] = [];
  for (const i of pixels) {
    const [row, x] = [Math.floor(i / width), i % width];
    const last = runs.at(-1);
    if (last?.[0] === row && last[2] === x - 1) last[2] = x;
    else runs.push([row, x, x]);
  }
  return runs;
}
