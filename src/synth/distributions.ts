import type { Random } from '../random.js';
import type { Distribution, Range } from './priors.js';

/** Place of one calcification relative to the lesion's centre, mm, and the direction of the duct or vessel there. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly alongRad: number;
}

/** Finds a place that keeps clear of those already taken; undefined when none was found. */
export type PlaceNext = (radiusMm: number) => Place | undefined;

const TRIES = 30;
/** A clump's next calcification lies at most this much farther from its neighbour than it must, mm. */
const CLUMP_REACH_MM = 0.25;

export interface Placing {
  readonly distribution: Distribution;
  readonly extentMm: Range;
  /** Two parallel tracks for a vessel. */
  readonly tracks: 1 | 2;
  /** As in the configuration. */
  readonly clumping: number;
  readonly gapMm: number;
}

/** Draws places one after another for a lesion of this kind. */
export function placer({ distribution, extentMm, tracks, clumping, gapMm }: Placing, random: Random): PlaceNext {
  const draw = drawerOf(distribution, random.uniform(...extentMm), tracks, random);
  const taken: (Place & { radiusMm: number })[] = [];
  const beside = (radiusMm: number): Place => {
    const neighbour = random.pick(taken);
    const away = neighbour.radiusMm + radiusMm + gapMm + random.uniform(0, CLUMP_REACH_MM);
    const around = random.uniform(0, 2 * Math.PI);
    const { alongRad } = draw();
    return { x: neighbour.x + away * Math.cos(around), y: neighbour.y + away * Math.sin(around), alongRad };
  };
  return (radiusMm) => {
    for (let i = 0; i < TRIES; i++) {
      const place = clumping > 0 && taken.length > 0 && random.next() < clumping ? beside(radiusMm) : draw();
      if (taken.some((t) => Math.hypot(t.x - place.x, t.y - place.y) < t.radiusMm + radiusMm + gapMm)) continue;
      taken.push({ ...place, radiusMm });
      return place;
    }
    return undefined;
  };
}

function drawerOf(distribution: Distribution, extent: number, tracks: 1 | 2, random: Random): () => Place {
  switch (distribution) {
    case 'single':
      return () => ({ x: 0, y: 0, alongRad: random.uniform(0, Math.PI) });
    case 'grouped':
    case 'regional':
      return inEllipse(extent, random);
    case 'linear':
      return onLine(extent, tracks, random);
    case 'segmental':
      return inWedge(extent, random);
    case 'diffuse':
      return () => ({ x: extent * random.uniform(-0.5, 0.5), y: extent * random.uniform(-0.5, 0.5), alongRad: random.uniform(0, Math.PI) });
  }
}

/** In an ellipse whose long axis is the extent, denser in the middle; no two points are farther apart than the extent. */
function inEllipse(extent: number, random: Random): () => Place {
  const angle = random.uniform(0, Math.PI);
  const ratio = random.uniform(0.5, 1);
  return () => {
    const r = (extent / 2) * random.next() ** 0.65; // uniform would be 0.5
    const around = random.uniform(0, 2 * Math.PI);
    return { ...rotated(r * Math.cos(around), ratio * r * Math.sin(around), angle), alongRad: angle + random.normal(0, 0.9) };
  };
}

/** Along a duct, an arc of that length; a vessel winds and has calcium in both walls. */
function onLine(extent: number, tracks: 1 | 2, random: Random): () => Place {
  const angle = random.uniform(0, 2 * Math.PI);
  const turn = random.normal(0, 0.6); // radians over the whole length
  const scatter = tracks === 2 ? 0.05 : random.uniform(0.1, 0.35);
  const apart = tracks === 2 ? random.uniform(0.6, 1.6) : 0;
  const waves = tracks === 2 ? random.uniform(3, 8) : 0; // radians over the whole length
  const swing = tracks === 2 ? random.uniform(0, 0.04) * extent : 0;
  return () => {
    const t = random.uniform(-0.5, 0.5);
    const side = apart * random.pick([-0.5, 0.5]) + random.normal(0, scatter);
    const heading = turn * t + Math.atan((swing * waves * Math.cos(waves * t)) / extent);
    const x = t * extent * Math.cos((turn * t) / 2) - side * Math.sin(heading);
    const y = t * extent * Math.sin((turn * t) / 2) + swing * Math.sin(waves * t) + side * Math.cos(heading);
    return { ...rotated(x, y, angle), alongRad: angle + heading };
  };
}

/** In a lobe, a wedge whose tip points to the nipple. */
function inWedge(extent: number, random: Random): () => Place {
  const angle = random.uniform(0, 2 * Math.PI);
  const opening = random.uniform(0.15, 0.4); // half the angle, radians
  return () => {
    const r = extent * Math.sqrt(random.uniform(0.01, 1));
    const off = random.uniform(-opening, opening);
    return { ...rotated(r * Math.cos(off) - 0.6 * extent, r * Math.sin(off), angle), alongRad: angle + off };
  };
}

function rotated(x: number, y: number, angleRad: number): { x: number; y: number } {
  return { x: x * Math.cos(angleRad) - y * Math.sin(angleRad), y: x * Math.sin(angleRad) + y * Math.cos(angleRad) };
}
