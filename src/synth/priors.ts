// What the generator draws, in one place: every number a sample depends on besides its seed. All of it is ours (docs/method.md).
import type { LesionClass } from '../data/classes.js';
import type { IntensityDomain } from '../data/mammogram.js';
import { DEFAULT_NORMALISATION, type Normalisation } from '../data/normalise.js';

/** Lowest and highest value of a draw. */
export type Range = readonly [low: number, high: number];

/** How the calcifications of one lesion lie to each other (BI-RADS). */
export type Distribution = 'single' | 'grouped' | 'linear' | 'segmental' | 'regional' | 'diffuse';

/** What one calcification looks like (BI-RADS; round includes punctate, coarse is popcorn-like, fine-linear branches at times). */
export type Morphology =
  | 'round'
  | 'rim'
  | 'coarse'
  | 'rod'
  | 'vascular'
  | 'milk-of-calcium'
  | 'amorphous'
  | 'coarse-heterogeneous'
  | 'pleomorphic'
  | 'fine-linear';

/** One row of the prior table: a kind of lesion, its class and how often it is drawn. */
export interface Prior {
  readonly class: LesionClass;
  readonly distribution: Distribution;
  readonly morphology: Morphology;
  /** Part of all lesions; the rows sum to 1. */
  readonly weight: number;
  /** Calcifications of the whole lesion, drawn uniformly in the logarithm; a patch may show only some of them. */
  readonly count: Range;
}

export interface SynthConfig {
  /** Side of a sample, px. */
  readonly patch: number;
  readonly pixelSpacingMm: number;
  readonly normalisation: Normalisation;
  /** Part of the samples with a lesion. */
  readonly positiveFraction: number;
  /** Part of the malignant-like lesions beside which a single benign-like calcification lies as well. */
  readonly companionFraction: number;
  readonly background: BackgroundConfig;
  readonly priors: readonly Prior[];
  /** Diameter of the circle of about the same area as a calcification's projection, mm. */
  readonly diameterMm: Readonly<Record<Morphology, Range>>;
  /** Part of that range (in the logarithm) that one lesion's calcifications spread over; where in the range is drawn per lesion. */
  readonly sizeSpread: number;
  /** Extent of the whole lesion, mm: diameter of a group, length of a line or segment, diameter of a region, side of a diffuse square. */
  readonly extentMm: Readonly<Record<Distribution, Range>>;
  /** Length of calcified vessels, mm, in place of a line's. */
  readonly vesselMm: Range;
  /** Part of a lesion's calcifications that lie beside another one, so that they clump, and the least free tissue between any two, mm. */
  readonly clumping: number;
  readonly gapMm: number;
  readonly physics: PhysicsConfig;
  readonly negatives: NegativesConfig;
  readonly degrade: DegradeConfig;
  readonly suspicious: SuspiciousConfig;
  readonly phantom: PhantomConfig;
}

export interface PhysicsConfig {
  /**
   * Typical peak contrast c of a lesion's calcifications as imaged (after the MTF): part of the X-rays they take away; drawn
   * uniformly in the logarithm. The same range for both classes: brightness must never stand for malignancy.
   */
  readonly contrast: Range;
  /** SD of the logarithm of a calcification's contrast about its lesion's. */
  readonly contrastSpread: number;
  /** A calcification's contrast grows with this power of its diameter, relative to the median (geometric mean) of its `diameterMm`. */
  readonly thicknessPower: number;
  /** Part of the contrast that is lost to scatter and beam hardening where the tissue is densest (display intensity 1). */
  readonly denseLoss: number;
  /**
   * Least signal-to-noise ratio of the matched filter in the tissue around (snrPerDepth): below about 5 no one could mark it (Rose). Contrast is raised
   * to it, but not beyond the end of `contrast`; what stays below `visibleSnr` is drawn, but left out of the loss and of the list.
   */
  readonly leastSnr: number;
  readonly visibleSnr: number;
  /**
   * Natural logarithm of the ratio of X-rays behind display intensities 0 and 1: what a viewer shows of tissue; of raw readings all
   * from air to the densest. Files that do not say are taken as meant for a viewer.
   */
  readonly logRange: Readonly<Record<IntensityDomain, number>>;
  /** SD of the detector's Gaussian point spread, mm. */
  readonly mtfMm: Range;
  /** A pixel belongs to the mask where the imaged thickness is at least this part of its peak. */
  readonly maskFraction: number;
}

/**
 * Counts are expected numbers per cm2, drawn by Poisson, in samples with and without lesions alike. Steps are display intensities (0..1),
 * widths and diameters full widths at half maximum.
 */
export interface NegativesConfig {
  /** One or two pixels too bright, not blurred by the MTF. */
  readonly hotPixels: Range;
  readonly hotPixelStep: Range;
  /** Vessel-like curves from 4 mm up to the side of the patch with its context. */
  readonly vessels: number;
  readonly vesselWidthMm: Range;
  readonly vesselStep: Range;
  /** Soft round bright texture, larger or softer than a calcification. */
  readonly blobs: number;
  readonly blobDiameterMm: Range;
  readonly blobStep: Range;
  /** Nearly straight film scratches of one pixel's width. */
  readonly scratches: number;
  readonly scratchStep: Range;
  /** Bent fibres of 0.5-2.5 mm, sharp, dark or bright. */
  readonly dust: number;
  readonly dustStep: Range;
  /** Folds of skin: long bright curves with a dark edge on one side. */
  readonly skinFolds: number;
  readonly skinFoldWidthMm: Range;
  readonly skinFoldStep: Range;
  /** Biopsy clips of bent wire: rings, bars, hooks. */
  readonly clips: number;
  readonly clipSizeMm: Range;
  /** Letters and figures: lead markers, text in the image. */
  readonly markers: number;
  readonly markerHeightMm: Range;
  /** Of clips and markers: metal stops most X-rays. */
  readonly metalStep: Range;
  /** Blocks of 8x8 px with one cosine too much, as hard JPEG leaves behind. */
  readonly jpegBlocks: number;
  readonly jpegBlockStep: Range;
}

/** Where backgrounds come from besides their files: what separates one source from another before anything is drawn in. */
export interface BackgroundConfig {
  /** Part of the backgrounds that are resampled, and by what factor: as from a detector of another pixel spacing. */
  readonly zoomFraction: number;
  readonly zoom: Range;
}

/** Applied to calcifications and background alike, after insertion. Nothing here depends on what was inserted, or it would betray it. */
export interface DegradeConfig {
  /** Part of the samples that are blurred, and by what Gaussian SD, px. */
  readonly blurFraction: number;
  readonly blurPx: Range;
  /** Part of the samples that are sharpened, as vendors' processing does: `amount` times the difference to a blur of that SD, px. */
  readonly sharpenFraction: number;
  readonly sharpenPx: Range;
  readonly sharpenAmount: Range;
  /** SD of added noise, display intensity; drawn uniformly in the logarithm. */
  readonly noise: Range;
  /** Part of the samples whose added noise is film grain, correlated over neighbouring pixels. */
  readonly grainFraction: number;
  /** Part of the samples that look like film: a sigmoid characteristic curve, of that steepness about that display intensity. */
  readonly filmFraction: number;
  readonly filmSlope: Range;
  readonly filmCentre: Range;
  /** Part of the samples that look like raw readings: tissue takes up this part of the range of grey levels, somewhere in it. */
  readonly rawFraction: number;
  readonly rawRange: Range;
  /** Exponent of display intensity (0..1); drawn uniformly in the logarithm. */
  readonly gamma: Range;
  /** Factor of display intensity and what is then added; the factor is lowered where tissue and `headroom` would be cut off. */
  readonly gain: Range;
  readonly offset: Range;
  /** Display intensity above the brightest tissue of the background that is not cut off. */
  readonly headroom: number;
  /** Part of the samples with JPEG-like quantisation of 8x8 blocks, and its quality (as libjpeg's, 1..100). */
  readonly jpegFraction: number;
  readonly jpegQuality: Range;
  /** Bits per pixel, one of these. */
  readonly bits: readonly number[];
}

/** Bright spots of an unlabelled background, which may be real calcifications, are left out of the loss. */
export interface SuspiciousConfig {
  readonly enabled: boolean;
  /** SD of the narrow Gaussian, mm, at least 0.6 px; the wide one is 1.6 times that. */
  readonly scaleMm: number;
  /** Least response, in SD (robust: from the median) of the responses all over the crop. */
  readonly threshold: number;
  /** Least ratio of the two curvatures: 0 a line, 1 a round spot. Lines are kept as hard negatives. */
  readonly roundness: number;
  /** Radius around the spot that is left out, mm. */
  readonly radiusMm: number;
}

/** Levels and steps are display intensities (0..1), widths full widths at half maximum. */
export interface PhantomConfig {
  /** Seed of the cached textures; samples choose places in them. */
  readonly textureSeed: number;
  readonly textures: number;
  /** Exponent of the power spectrum 1/f^b. */
  readonly exponent: Range;
  /** 0 = the same in all directions .. 1. */
  readonly anisotropy: number;
  /** Of fat without texture. */
  readonly level: Range;
  /** SD of the texture over a whole 512-px tile. */
  readonly texture: Range;
  /** Step between fat and dense lobes. */
  readonly lobes: Range;
  /** Ligament-like curves of a patch with its context, and their step and width. */
  readonly ligaments: Range;
  readonly ligamentStep: Range;
  readonly ligamentWidthMm: Range;
  /** SD of quantum noise at display intensity 0.5; drawn uniformly in the logarithm. */
  readonly noise: Range;
  /** SD of the logarithm of the noise from place to place, over about 2 mm. */
  readonly noiseSpread: number;
}

/** Rows sum to 1; benign-like and malignant-like have half each. */
export const PRIORS: readonly Prior[] = [
  { class: 'benign-like', distribution: 'single', morphology: 'round', weight: 0.05, count: [1, 1] },
  { class: 'benign-like', distribution: 'single', morphology: 'rim', weight: 0.04, count: [1, 1] },
  { class: 'benign-like', distribution: 'single', morphology: 'coarse', weight: 0.03, count: [1, 1] },
  { class: 'benign-like', distribution: 'grouped', morphology: 'round', weight: 0.11, count: [5, 14] },
  { class: 'benign-like', distribution: 'grouped', morphology: 'coarse', weight: 0.02, count: [5, 9] },
  { class: 'benign-like', distribution: 'grouped', morphology: 'milk-of-calcium', weight: 0.04, count: [5, 14] },
  { class: 'benign-like', distribution: 'grouped', morphology: 'coarse-heterogeneous', weight: 0.02, count: [5, 9] },
  { class: 'benign-like', distribution: 'grouped', morphology: 'amorphous', weight: 0.02, count: [5, 12] },
  { class: 'benign-like', distribution: 'regional', morphology: 'round', weight: 0.04, count: [20, 60] },
  { class: 'benign-like', distribution: 'diffuse', morphology: 'round', weight: 0.04, count: [30, 120] },
  { class: 'benign-like', distribution: 'linear', morphology: 'vascular', weight: 0.06, count: [30, 120] },
  { class: 'benign-like', distribution: 'segmental', morphology: 'rod', weight: 0.03, count: [4, 12] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'pleomorphic', weight: 0.18, count: [8, 35] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'fine-linear', weight: 0.06, count: [6, 20] },
  { class: 'malignant-like', distribution: 'linear', morphology: 'fine-linear', weight: 0.07, count: [6, 20] },
  { class: 'malignant-like', distribution: 'linear', morphology: 'pleomorphic', weight: 0.04, count: [6, 20] },
  { class: 'malignant-like', distribution: 'segmental', morphology: 'pleomorphic', weight: 0.04, count: [15, 50] },
  { class: 'malignant-like', distribution: 'segmental', morphology: 'fine-linear', weight: 0.02, count: [12, 40] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'amorphous', weight: 0.03, count: [10, 30] },
  { class: 'malignant-like', distribution: 'regional', morphology: 'amorphous', weight: 0.01, count: [40, 120] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'coarse-heterogeneous', weight: 0.03, count: [8, 20] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'round', weight: 0.02, count: [15, 35] },
];

export const DEFAULT_SYNTH: SynthConfig = {
  patch: 128,
  pixelSpacingMm: 0.1,
  normalisation: DEFAULT_NORMALISATION,
  positiveFraction: 0.5,
  companionFraction: 0.1,
  background: { zoomFraction: 0.4, zoom: [0.75, 1.25] },
  priors: PRIORS,
  diameterMm: {
    round: [0.18, 0.8],
    rim: [0.6, 3.5],
    coarse: [0.6, 3.5],
    rod: [0.8, 2.2],
    vascular: [0.2, 0.7],
    'milk-of-calcium': [0.2, 0.7],
    amorphous: [0.1, 0.25],
    'coarse-heterogeneous': [0.5, 1],
    pleomorphic: [0.18, 0.7],
    'fine-linear': [0.2, 0.6],
  },
  sizeSpread: 0.6,
  extentMm: { single: [0, 0], grouped: [3, 9.5], linear: [5, 20], segmental: [12, 30], regional: [20, 30], diffuse: [60, 60] },
  vesselMm: [10, 40],
  clumping: 0.4,
  gapMm: 0.05,
  physics: {
    contrast: [0.06, 0.32],
    contrastSpread: 0.4,
    thicknessPower: 0.5,
    denseLoss: 0.3,
    leastSnr: 4,
    visibleSnr: 2.5,
    logRange: { 'for-presentation': 1.2, 'for-processing': 4, unknown: 1.2 },
    mtfMm: [0.04, 0.09],
    maskFraction: 0.35,
  },
  negatives: {
    hotPixels: [0, 2],
    hotPixelStep: [0.03, 0.3],
    vessels: 0.25,
    vesselWidthMm: [0.25, 0.9],
    vesselStep: [0.02, 0.1],
    blobs: 0.25,
    blobDiameterMm: [0.8, 2.5],
    blobStep: [0.015, 0.08],
    scratches: 0.04,
    scratchStep: [0.03, 0.15],
    dust: 0.08,
    dustStep: [0.04, 0.2],
    skinFolds: 0.02,
    skinFoldWidthMm: [0.8, 2.5],
    skinFoldStep: [0.03, 0.15],
    clips: 0.01,
    clipSizeMm: [1.5, 3.5],
    markers: 0.01,
    markerHeightMm: [2, 8],
    metalStep: [0.3, 0.8],
    jpegBlocks: 0.1,
    jpegBlockStep: [0.01, 0.06],
  },
  degrade: {
    blurFraction: 0.5,
    blurPx: [0.3, 0.9],
    sharpenFraction: 0.25,
    sharpenPx: [0.6, 1],
    sharpenAmount: [0.2, 1],
    noise: [0.001, 0.01],
    grainFraction: 0.4,
    filmFraction: 0.3,
    filmSlope: [3, 6],
    filmCentre: [0.35, 0.6],
    rawFraction: 0.1,
    rawRange: [0.25, 0.5],
    gamma: [0.7, 1.4],
    gain: [0.7, 1.1],
    offset: [-0.03, 0.1],
    headroom: 0.3,
    jpegFraction: 0.25,
    jpegQuality: [60, 95],
    bits: [8, 10, 12, 14],
  },
  suspicious: { enabled: true, scaleMm: 0.15, threshold: 6, roundness: 0.4, radiusMm: 0.4 },
  phantom: {
    textureSeed: 20240,
    textures: 4,
    exponent: [2.4, 3.2],
    anisotropy: 0.5,
    level: [0.25, 0.45],
    texture: [0.03, 0.08],
    lobes: [0.05, 0.25],
    ligaments: [0, 4],
    ligamentStep: [0.02, 0.1],
    ligamentWidthMm: [0.2, 0.6],
    noise: [0.006, 0.025],
    noiseSpread: 0.15,
  },
};
