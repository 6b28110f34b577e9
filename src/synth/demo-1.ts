import { DEFAULT_SYNTH, type Prior, type SynthConfig } from './priors.js';

/** Few kinds of lesion, so that minutes of training suffice; both classes share sizes and contrasts. */
const DEMO_PRIORS: readonly Prior[] = [
  { class: 'benign-like', distribution: 'grouped', morphology: 'round', weight: 0.5, count: [5, 9] },
  { class: 'malignant-like', distribution: 'grouped', morphology: 'pleomorphic', weight: 0.3, count: [12, 24] },
  { class: 'malignant-like', distribution: 'linear', morphology: 'fine-linear', weight: 0.2, count: [8, 14] },
];

/**
 * The demo's fixed task, on phantoms: 128 px at 0.1 mm, half of the patches without calcifications. Learnable by a small network in
 * minutes; hard for a difference-of-Gaussians detector, which fires at hot pixels, crossing curves, bright blobs and where the noise is high.
 * No figure on it says anything about clinical performance.
 */
export const DEMO_1: SynthConfig = {
  ...DEFAULT_SYNTH,
  positiveFraction: 0.5,
  companionFraction: 0,
  background: { zoomFraction: 0, zoom: [1, 1] },
  priors: DEMO_PRIORS,
  diameterMm: { ...DEFAULT_SYNTH.diameterMm, round: [0.25, 0.5], pleomorphic: [0.25, 0.55], 'fine-linear': [0.25, 0.45] },
  extentMm: { ...DEFAULT_SYNTH.extentMm, grouped: [5, 9], linear: [6, 12] },
  sizeSpread: 1,
  clumping: 0,
  gapMm: 0.15,
  // As drawn, whatever can be seen: the task must not change with how that is measured.
  physics: { ...DEFAULT_SYNTH.physics, contrast: [0.12, 0.26], contrastSpread: 0.25, leastSnr: 0, visibleSnr: 0, mtfMm: [0.06, 0.07] },
  negatives: {
    ...DEFAULT_SYNTH.negatives,
    skinFolds: 0,
    clips: 0,
    markers: 0,
    jpegBlocks: 0,
    hotPixels: [5, 12],
    hotPixelStep: [0.1, 0.35],
    vessels: 0.7,
    vesselWidthMm: [0.25, 0.7],
    vesselStep: [0.04, 0.15],
    blobs: 1.5,
    blobDiameterMm: [0.8, 1.6],
    blobStep: [0.02, 0.09],
    scratches: 0,
    dust: 0,
  },
  degrade: {
    ...DEFAULT_SYNTH.degrade,
    blurFraction: 0,
    sharpenFraction: 0,
    filmFraction: 0,
    rawFraction: 0,
    headroom: 0.35,
    gamma: [0.85, 1.2],
    gain: [0.8, 1.1],
    offset: [0, 0.05],
    noise: [0.001, 0.003],
    grainFraction: 0,
    jpegFraction: 0,
    bits: [12],
  },
  phantom: { ...DEFAULT_SYNTH.phantom, textures: 3, noise: [0.008, 0.018], noiseSpread: 0.5 },
};
