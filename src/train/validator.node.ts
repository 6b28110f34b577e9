import { Inference } from '../detect/inference.js';
import { Network } from '../model/network.js';
import type { UNet3Plus } from '../model/unet3plus.js';
import type { Device } from '../runtime/device.js';
import type { Sample } from '../synth/sample.js';
import type { TrainConfig } from './config.js';
import { drawSamples, type SampleSetup } from './training-data.node.js';
import { evaluatePatches, type PatchFigures } from './validation.js';

/** Evaluates weights on the run's validation samples, the same at every step. */
export class Validator {
  private samples: readonly Sample[] | undefined;
  private readonly inference: Inference;

  constructor(
    device: Device,
    model: UNet3Plus,
    private readonly setup: SampleSetup,
    private readonly config: TrainConfig,
  ) {
    this.inference = new Inference(new Network(device, model, 'infer'));
  }

  /** @param arrays parameters and running statistics by name */
  async figures(arrays: ReadonlyMap<string, Float32Array>): Promise<PatchFigures> {
    this.samples ??= drawSamples(this.setup, this.config.train.validationPatches);
    this.inference.load(arrays);
    return evaluatePatches(this.inference, this.samples, this.setup.synth.pixelSpacingMm);
  }
}
