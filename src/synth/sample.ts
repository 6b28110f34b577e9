import { type LesionClass, SEGMENTATION_CHANNELS } from '../data/classes.js';
import { cropReflect, type GrayImage } from '../data/image.js';
import type { IntensityDomain } from '../data/mammogram.js';
import { normalise, normaliseMarginPx } from '../data/normalise.js';
import { resample } from '../data/resample.js';
import { Random } from '../random.js';
import type { BackgroundSource } from './background.js';
import { addedNoiseSd, degradeLevels, degradeSharpness } from './degrade.js';
import { type DrawnMc, insertAll, type LesionPlace, projectLesion } from './draw-lesion.js';
import { markFootprint } from './insert.js';
import { drawPrior, type Lesion, planLesion } from './lesion.js';
import { addDetectorNegatives, addTissueNegatives } from './negatives.js';
import type { BackgroundConfig, Distribution, Morphology, SynthConfig } from './priors.js';
import { suspiciousSpots } from './suspicious.js';

export interface SyntheticMC {
  /** Centre of mass of the imaged thickness, px of the sample. */
  readonly x: number;
  readonly y: number;
  /** Of the circle of the same projected area, mm. */
  readonly diameterMm: number;
  /** Part of the X-rays taken away where it is thickest, as imaged. */
  readonly contrast: number;
  readonly morphology: Morphology;
  readonly class: LesionClass;
}

export interface Sample {
  /** Normalised, patch x patch: the network's input. */
  readonly image: GrayImage;
  /** Display intensities before normalisation. */
  readonly raw: GrayImage;
  /** 1 = calcification; one per segmentation channel, patch x patch values. */
  readonly masks: readonly [Uint8Array, Uint8Array];
  /** 1 = leave out of the loss: calcifications cut by the border or too faint to be seen, suspicious spots of unlabelled backgrounds. */
  readonly ignore: Uint8Array;
  /** Index into CLASSES. */
  readonly classIndex: 0 | 1 | 2;
  readonly distribution: Distribution | null;
  /** Calcifications that can be seen and whose centre lies in the patch; each owns at least a pixel of its channel's mask. */
  readonly mcs: readonly SyntheticMC[];
}

export interface SynthesizeOptions {
  /** Bright spots of the background may be real calcifications. */
  readonly unlabelled?: boolean;
  /** What the background's intensities stand for. */
  readonly domain?: IntensityDomain | undefined;
  /** How the calcifications get into the image, if not by insertAll: tests of the generator leave them out, or do it badly on purpose. */
  readonly insert?: typeof insertAll;
}

/** Degradation may blur by this many px before normalisation. */
const BLUR_MARGIN_PX = 4;
/** A suspicious spot is seen from this far: three SD of its wide Gaussian and its disc. */
const SUSPICIOUS_MARGIN_MM = 1.2;
/** Every step of a sample has its own stream of chance: switching one off leaves the draws of the others as they are. */
const STREAM = { background: 0, negatives: 1, lesion: 2, blur: 3, detector: 4, levels: 5, zoom: 6 } as const;

/** Context that a background must have around the patch on every side, px. */
export function sampleMarginPx(config: SynthConfig): number {
  return normaliseMarginPx(config.normalisation, config.pixelSpacingMm) + BLUR_MARGIN_PX;
}

/** Sample `index` of the endless list that `seed` stands for: rebuilt bit for bit from the two numbers, in any order, on any thread. */
export function makeSample(
  source: BackgroundSource,
  config: SynthConfig,
  seed: number,
  index: number,
  options: Pick<SynthesizeOptions, 'insert'> = {},
): Sample {
  const random = new Random(seed, index);
  const side = config.patch + 2 * sampleMarginPx(config);
  const taken = Math.round(side * drawZoom(config.background, random.fork(STREAM.zoom)));
  const crop = source.crop(random.fork(STREAM.background), taken);
  const background = taken === side ? crop : resample(crop, side / taken, side / taken);
  return synthesize(background, config, random, { ...options, unlabelled: source.unlabelled, domain: crop.domain });
}

function drawZoom({ zoomFraction, zoom }: BackgroundConfig, random: Random): number {
  return random.next() < zoomFraction ? random.logUniform(...zoom) : 1;
}

/**
 * Draws a lesion, or none, into a background and degrades the whole.
 *
 * @param background display intensities, square, patch + 2 sampleMarginPx wide; left as it is
 */
export function synthesize(background: GrayImage, config: SynthConfig, random: Random, options: SynthesizeOptions = {}): Sample {
  const { unlabelled = false, domain = 'unknown', insert = insertAll } = options;
  const logRange = config.physics.logRange[domain];
  const margin = sampleMarginPx(config);
  const size = config.patch + 2 * margin;
  if (background.width !== size || background.height !== size) {
    throw new RangeError(
      `synthesize: the background is ${background.width}x${background.height}, expected ${size}x${size} (patch + margins).`,
    );
  }
  const { pixelSpacingMm } = config;
  const unsure = unlabelled && config.suspicious.enabled ? suspiciousInPatch(background, config, margin) : new Uint8Array(size * size);
  const image: GrayImage = { ...background, data: background.data.slice() };
  addTissueNegatives(image, config.negatives, pixelSpacingMm, random.fork(STREAM.negatives));
  const noiseSd = addedNoiseSd(config.degrade, random.fork(STREAM.levels));
  const { lesions, drawn } = planLesions(image, config, { logRange, addedNoiseSd: noiseSd }, random.fork(STREAM.lesion));
  insert(image, drawn, logRange);
  const degraded = degradeSharpness(image, config.degrade, random.fork(STREAM.blur));
  addDetectorNegatives(degraded, config.negatives, pixelSpacingMm, random.fork(STREAM.detector));
  degradeLevels(degraded, config.degrade, brightest(background), random.fork(STREAM.levels));
  const counts = ({ footprint, snr }: DrawnMc): boolean => isInside(footprint, margin, config.patch) && snr >= config.physics.visibleSnr;
  const mcs = drawn.filter(counts).map((mc) => describe(mc, margin));
  const classIndex = mcs.reduce<0 | 1 | 2>((worst, mc) => (worst === 2 || mc.class === 'malignant-like' ? 2 : 1), 0);
  return {
    image: patchOf(normalise(degraded, pixelSpacingMm, config.normalisation), margin, config.patch),
    raw: patchOf(degraded, margin, config.patch),
    ...paintMasks(image, drawn, counts, unsure, config, margin),
    classIndex,
    distribution: classIndex === 0 ? null : (lesions[0]?.distribution ?? null),
    mcs,
  };
}

/** In a part of the samples a lesion, and beside some malignant-like ones a single benign-like calcification. */
function planLesions(
  image: GrayImage,
  config: SynthConfig,
  imaging: Pick<LesionPlace, 'logRange' | 'addedNoiseSd'>,
  random: Random,
): { lesions: Lesion[]; drawn: DrawnMc[] } {
  if (random.next() >= config.positiveFraction) return { lesions: [], drawn: [] };
  const first = planLesion(drawPrior(config.priors, random), config, random);
  const lesions = [first];
  const singles = config.priors.filter((p) => p.class === 'benign-like' && p.distribution === 'single');
  if (first.class === 'malignant-like' && singles.length > 0 && random.next() < config.companionFraction) {
    lesions.push(planLesion(drawPrior(singles, random), config, random));
  }
  const { patch, pixelSpacingMm, physics } = config;
  const margin = (image.width - patch) / 2;
  const mtfMm = random.uniform(...physics.mtfMm);
  const drawn = lesions.flatMap((lesion) => {
    // One of its calcifications, at random, lies anywhere in the patch: every lesion shows, and none prefers the middle.
    const anchor = random.pick(lesion.mcs);
    const inset = Math.min(4, patch / 4);
    const x = margin + random.uniform(inset, patch - 1 - inset) - anchor.x / pixelSpacingMm;
    const y = margin + random.uniform(inset, patch - 1 - inset) - anchor.y / pixelSpacingMm;
    return projectLesion(image, lesion, { x, y, mtfMm, pixelSpacingMm, physics, ...imaging });
  });
  return { lesions, drawn };
}

function brightest({ data }: GrayImage): number {
  return data.reduce((a, b) => Math.max(a, b), 0);
}

function isInside({ x, y }: { x: number; y: number }, margin: number, patch: number): boolean {
  return Math.min(x, y) >= margin && Math.max(x, y) <= margin + patch - 1;
}

function describe({ footprint, contrast, morphology, class: lesionClass }: DrawnMc, margin: number): SyntheticMC {
  const { x, y, diameterMm } = footprint;
  return { x: x - margin, y: y - margin, diameterMm, contrast, morphology, class: lesionClass };
}

/** suspiciousSpots of the patch and what it needs around, in a mask of the background's size. */
function suspiciousInPatch(background: GrayImage, { suspicious, pixelSpacingMm }: SynthConfig, margin: number): Uint8Array {
  const mask = new Uint8Array(background.data.length);
  const start = margin - Math.min(margin, Math.ceil(SUSPICIOUS_MARGIN_MM / pixelSpacingMm));
  const side = background.width - 2 * start;
  const spots = suspiciousSpots(cropReflect(background, start, start, side, side), pixelSpacingMm, suspicious);
  for (let y = 0; y < side; y++) mask.set(spots.subarray(y * side, (y + 1) * side), (start + y) * background.width + start);
  return mask;
}

function paintMasks(
  image: GrayImage,
  drawn: readonly DrawnMc[],
  counts: (mc: DrawnMc) => boolean,
  unsure: Uint8Array,
  { physics, patch }: SynthConfig,
  margin: number,
): Pick<Sample, 'masks' | 'ignore'> {
  const channels = SEGMENTATION_CHANNELS.map(() => new Uint8Array(image.data.length));
  for (const mc of drawn) {
    const channel = counts(mc) ? channels[SEGMENTATION_CHANNELS.indexOf(mc.class)] : undefined;
    markFootprint(channel ?? unsure, image, mc.footprint, physics.maskFraction);
  }
  const window = (mask: Uint8Array): Uint8Array => {
    const out = new Uint8Array(patch * patch);
    for (let y = 0; y < patch; y++) {
      const from = (margin + y) * image.width + margin;
      out.set(mask.subarray(from, from + patch), y * patch);
    }
    return out;
  };
  const masks = [window(channels[0]!), window(channels[1]!)] as const;
  const ignore = window(unsure).map((v, i) => (masks[0][i] === 1 || masks[1][i] === 1 ? 0 : v));
  return { masks, ignore };
}

function patchOf(image: GrayImage, margin: number, patch: number): GrayImage {
  return cropReflect(image, margin, margin, patch, patch);
}
