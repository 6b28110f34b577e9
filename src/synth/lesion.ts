import type { LesionClass } from '../data/classes.js';
import type { Random } from '../random.js';
import { type Placing, placer } from './distributions.js';
import type { Distribution, Morphology, Prior, SynthConfig } from './priors.js';
import { drawShape, type Shape } from './shapes.js';

/** One calcification before it is drawn anywhere. */
export interface PlannedMc {
  /** Relative to the lesion's centre, mm. */
  readonly x: number;
  readonly y: number;
  readonly morphology: Morphology;
  readonly shape: Shape;
  /** Peak contrast in fatty tissue. */
  readonly contrast: number;
}

export interface Lesion {
  readonly class: LesionClass;
  readonly distribution: Distribution;
  readonly mcs: readonly PlannedMc[];
}

/** Part of the calcifications of a pleomorphic lesion that are round. */
const ROUND_AMONG_PLEOMORPHIC = 0.2;
/** A calcification's contrast stays within the range of typical contrasts, widened by these factors at its ends. */
const CONTRAST_LEEWAY = [0.7, 1.3] as const;
/** Reach of rods beyond the radius of the circle of their area. */
const REACH: Partial<Record<Morphology, number>> = { rod: 2, vascular: 1.1, 'fine-linear': 1.6 };
/** Stream of what a whole lesion shares. */
const SITUATION_STREAM = 1;
/** SD of the direction in which calcium settles, radians: cysts are not level. */
const TILT_RAD = 0.15;

/** One row of the prior table, by its weight. */
export function drawPrior(priors: readonly Prior[], random: Random): Prior {
  return random.pick(
    priors,
    priors.map((p) => p.weight),
  );
}

/** A lesion after a row of the prior table, in mm: the same at every pixel spacing. */
export function planLesion(prior: Prior, config: SynthConfig, random: Random): Lesion {
  const wanted = Math.round(random.logUniform(...prior.count));
  const base = random.logUniform(...config.physics.contrast);
  const least = Math.min(wanted, Math.ceil(prior.count[0]));
  let mcs = placeMcs(prior, wanted, base, config, random);
  // A small group of large calcifications may not fit; another extent will.
  for (let attempt = 0; mcs.length < least && attempt < 20; attempt++) mcs = placeMcs(prior, wanted, base, config, random);
  return { class: prior.class, distribution: prior.distribution, mcs };
}

function placeMcs(prior: Prior, wanted: number, baseContrast: number, config: SynthConfig, random: Random): PlannedMc[] {
  const { physics, sizeSpread } = config;
  const [low, high] = config.diameterMm[prior.morphology];
  const median = Math.sqrt(low * high);
  const shared = random.fork(SITUATION_STREAM);
  const downRad = shared.uniform(0, 2 * Math.PI);
  const fromAbove = shared.next() < 0.5;
  const typical = shared.next();
  const next = placer(placingOf(prior, config), random);
  const mcs: PlannedMc[] = [];
  for (let i = 0; i < wanted; i++) {
    const morphology = prior.morphology === 'pleomorphic' && random.next() < ROUND_AMONG_PLEOMORPHIC ? 'round' : prior.morphology;
    const diameterMm = low * (high / low) ** (typical * (1 - sizeSpread) + sizeSpread * random.next());
    const place = next((diameterMm / 2) * (REACH[morphology] ?? 1));
    if (!place) continue;
    const relative = (diameterMm / median) ** physics.thicknessPower * Math.exp(random.normal(0, physics.contrastSpread));
    const contrast = limited(baseContrast * relative, CONTRAST_LEEWAY[0] * physics.contrast[0], CONTRAST_LEEWAY[1] * physics.contrast[1]);
    const situation = { alongRad: place.alongRad, downRad: downRad + shared.normal(0, TILT_RAD), fromAbove };
    mcs.push({ x: place.x, y: place.y, morphology, shape: drawShape(morphology, diameterMm, situation, random), contrast });
  }
  return mcs;
}

/** Few kinds clump: a vessel's calcium lies in its walls, diffuse and single calcifications keep to themselves. */
function placingOf({ distribution, morphology }: Prior, { extentMm, vesselMm, clumping, gapMm }: SynthConfig): Placing {
  if (morphology === 'vascular') return { distribution, extentMm: vesselMm, tracks: 2, clumping: 0, gapMm: 0 };
  const clumps = distribution === 'grouped' || distribution === 'segmental';
  return { distribution, extentMm: extentMm[distribution], tracks: 1, clumping: clumps ? clumping : 0, gapMm };
}

function limited(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
