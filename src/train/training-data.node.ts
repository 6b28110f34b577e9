// What a run trains on: a folder of unlabelled mammograms, or generated phantoms.
import { breastMask } from '../data/breast-mask.js';
import { openDataset, type Dataset, type DatasetProblem } from '../data/dataset.node.js';
import { atWorkingSpacing } from '../data/preprocess.js';
import { imageSource, type BackgroundSource } from '../synth/background.js';
import { DEMO_1 } from '../synth/demo-1.js';
import { phantomSource } from '../synth/phantom.js';
import { DEFAULT_SYNTH, type SynthConfig } from '../synth/priors.js';
import { makeSample, type Sample } from '../synth/sample.js';
import { valueHash, type TrainConfig } from './config.js';
import { applyOverrides } from './config-overrides.js';
import { croppable, shareImage, type SharedImage } from './shared-image.js';

/** What a worker thread needs to draw samples; it can be sent to one. */
export interface SampleSetup {
  readonly synth: SynthConfig;
  readonly seed: number;
  /** At the working pixel spacing; null = phantoms. */
  readonly images: readonly SharedImage[] | null;
}

export interface TrainingData {
  readonly train: SampleSetup;
  /** Held-back images and another seed: never trained on. */
  readonly validation: SampleSetup;
  readonly dataHash: string;
  readonly problems: readonly DatasetProblem[];
  /** One line for people: what was found. */
  readonly summary: string;
}

export const PHANTOM = 'phantom';

/** Added to the run's seed, so that validation and test samples are other ones than those trained on. */
const VALIDATION_SEED = 1_000_000_007;

/** The generator's settings of a run: the demo's task for phantoms, the full priors for real backgrounds, changed by `synth`. */
export function synthConfig({ synth, train }: TrainConfig, data: string): SynthConfig {
  const base = data === PHANTOM ? DEMO_1 : DEFAULT_SYNTH;
  return applyOverrides({ ...base, patch: train.patch }, synth, 'configuration', 'synth');
}

/**
 * Checks the data and brings it into shared memory.
 *
 * @param data a folder, or 'phantom'
 * @throws UserError for a folder that is missing, empty or holds nothing usable, and for unknown generator settings
 */
export async function openTrainingData(
  data: string,
  config: TrainConfig,
  options: { pixelSpacingMm?: number | undefined } = {},
): Promise<TrainingData> {
  const synth = synthConfig(config, data);
  const { seed } = config.train;
  const setups = (train: SharedImage[] | null, validation: SharedImage[] | null): Pick<TrainingData, 'train' | 'validation'> => ({
    train: { synth, seed, images: train },
    validation: { synth: { ...synth, patch: config.train.validationPatch }, seed: seed + VALIDATION_SEED, images: validation },
  });
  if (data === PHANTOM) {
    return { ...setups(null, null), dataHash: `phantom-${await valueHash(synth.phantom)}`, problems: [], summary: 'generated phantoms' };
  }
  const set = await openDataset(data, {
    pixelSpacingMm: options.pixelSpacingMm,
    keep: (mammogram) => {
      const { image } = atWorkingSpacing(mammogram, synth.pixelSpacingMm);
      return shareImage(image, breastMask(image), mammogram.intensityDomain);
    },
  });
  const train = set.train.map(({ kept }) => kept);
  // Few images: none may be held back. Then validation draws from the training images, with its own seed, and the summary says so.
  const validation = set.validation.length > 0 ? set.validation.map(({ kept }) => kept) : train;
  return { ...setups(train, validation), dataHash: set.dataHash, problems: set.problems, summary: summarise(set, synth.pixelSpacingMm) };
}

function summarise({ train, validation, problems }: Dataset<SharedImage>, workingMm: number): string {
  const held = validation.length > 0 ? `${validation.length} held back` : 'NONE held back: validation uses the training images';
  const left = problems.filter((p) => p.isLeftOut).length;
  const unknown = [...train, ...validation].filter((file) => file.pixelSpacingMm === null).length;
  const spacing = unknown > 0 ? `; ${unknown} do not say their pixel spacing: taken as ${workingMm} mm` : '';
  return `${train.length} images to train on, ${held}, ${left} left out${spacing}`;
}

/** Backgrounds of a setup, on any thread. */
export function backgroundsOf({ synth, images }: SampleSetup): BackgroundSource {
  if (!images) return phantomSource(synth);
  return imageSource(images.map((image) => ({ image: croppable(image), breast: image.breast, domain: image.domain })));
}

/** Samples 0 .. count-1 of a setup. */
export function drawSamples(setup: SampleSetup, count: number): Sample[] {
  const backgrounds = backgroundsOf(setup);
  return Array.from({ length: count }, (_, i) => makeSample(backgrounds, setup.synth, setup.seed, i));
}
