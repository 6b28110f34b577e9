import { createImage } from '../data/image.js';
import { openInference, type Inference, type InferenceOptions } from '../detect/inference.js';
import type { AnyNetwork } from '../model/architecture.js';
import type { Device } from '../runtime/device.js';
import type { Sample } from '../synth/sample.js';
import type { TrainConfig } from './config.js';
import { drawSamples, type SampleSetup } from './training-data.node.js';
import { calibrate, type Calibrated } from './calibrate.js';
import { evaluatePatches, type PatchFigures } from './validation.js';

/** Added to the seed of the validation samples. */
export const CALIBRATION_SEED = 500_000_003;

/** Evaluates weights on the run's validation samples, the same at every step. */
export class Validator {
  private samples: readonly Sample[] | undefined;
  private readonly inference: Inference;

  constructor(
    device: Device,
    private readonly model: AnyNetwork,
    private readonly setup: SampleSetup,
    private readonly config: TrainConfig,
    options: InferenceOptions = {},
  ) {
    this.inference = openInference(device, model, config.train.patch, options);
  }

  /** Runs an empty patch: what fails in validation, as a memory budget that is too small for it, then fails before the first step. */
  async warmUp(arrays: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { validationPatch } = this.config.train;
    this.inference.load(arrays);
    await this.inference.run(createImage(validationPatch, validationPatch));
  }

  /** @param arrays parameters and running statistics by name */
  async figures(arrays: ReadonlyMap<string, Float32Array>): Promise<PatchFigures> {
    this.samples ??= drawSamples(this.setup, this.config.train.validationPatches);
    this.inference.load(arrays);
    return evaluatePatches(this.inference, this.samples, this.setup.synth.pixelSpacingMm);
  }

  /** Fits the scores of a finished network on other samples of the held-back backgrounds. */
  async calibrated(arrays: ReadonlyMap<string, Float32Array>): Promise<Calibrated> {
    const samples = drawSamples({ ...this.setup, seed: this.setup.seed + CALIBRATION_SEED }, this.config.train.calibrationPatches);
    return calibrate(this.inference, { arrays, model: this.model }, samples, this.setup.synth.pixelSpacingMm);
  }

  destroy(): void {
    this.inference.destroy();
  }
}
