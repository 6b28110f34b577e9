import type { DegradeConfig, NegativesConfig, SynthConfig } from './priors.js';

const NO_NEGATIVES: Partial<NegativesConfig> = {
  hotPixels: [0, 0],
  vessels: 0,
  blobs: 0,
  scratches: 0,
  dust: 0,
  skinFolds: 0,
  clips: 0,
  markers: 0,
  jpegBlocks: 0,
};

const NO_DEGRADATION: Partial<DegradeConfig> = {
  blurFraction: 0,
  sharpenFraction: 0,
  noise: [1e-6, 1e-6], // drawn in the logarithm: never quite 0
  filmFraction: 0,
  rawFraction: 0,
  gamma: [1, 1],
  gain: [1, 1],
  offset: [0, 0],
  jpegFraction: 0,
  bits: [16],
};

/** The same calcifications in backgrounds that are otherwise left as they are, but for the factor that keeps the brightest from being cut off. */
export function asTheyAre(config: SynthConfig): SynthConfig {
  return {
    ...config,
    background: { ...config.background, zoomFraction: 0 },
    negatives: { ...config.negatives, ...NO_NEGATIVES },
    degrade: { ...config.degrade, ...NO_DEGRADATION },
  };
}
