import type { AnyNetwork } from '../model/architecture.js';
import { initialArrays } from '../model/init.js';
import { Network } from '../model/network.js';
import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import type { Program } from '../runtime/program.js';
import type { Tensor } from '../runtime/tensor.js';
import type { BatchLayout } from './batch.js';
import type { TrainConfig } from './config.js';
import type { Objective } from './objective.js';
import { configuredModel } from './model-config.js';
import { DYNAMIC_LOSS_SCALING } from './loss-scale.js';
import { AdamW } from './optimizer.js';
import { learningRate } from './schedule.js';
import { StepState } from './step-state.js';
import { checkBudget, layoutOf, recordStep } from './training-step.js';

/** Losses of one step, before its update. */
export interface StepLosses {
  readonly loss: number;
  /** 0 of a classifier, which learns no maps. */
  readonly segmentation: number;
  readonly classification: number;
}

/** Stream of the run's seed that dropout masks come from; samples and initial weights have others. */
const DROPOUT_STREAM = 0x64726f70;

/** A training step recorded once: forward, losses, backward, update and moving average, replayed for every batch. */
export class Trainer {
  private constructor(
    readonly device: Device,
    readonly config: TrainConfig,
    readonly network: Network<AnyNetwork>,
    readonly optimizer: AdamW,
    readonly layout: BatchLayout,
    readonly program: Program,
    private readonly stepState: StepState,
    private readonly batch: Tensor<'E'>,
    private readonly objective: Objective,
  ) {}

  /**
   * @param arrays parameters and running statistics to start from; default: initial ones from the seed
   * @throws UserError where the memory plan exceeds the budget
   */
  static async create(
    device: Device,
    config: TrainConfig,
    options: { arrays?: ReadonlyMap<string, Float32Array>; memoryBudgetBytes?: number } = {},
  ): Promise<Trainer> {
    const { train } = config;
    const model = configuredModel(config.model);
    const network = new Network(device, model, 'train');
    network.load(options.arrays ?? initialArrays(model, train.seed));
    const stepState = new StepState(device);
    const { weightDecay, clipNorm, emaDecay } = train;
    const lossScaling = train.precision === 'f16' ? DYNAMIC_LOSS_SCALING : undefined;
    const optimizer = new AdamW(network.store, stepState, {
      weightDecay,
      noDecayOn1d: true,
      clipGlobalNorm: clipNorm,
      emaDecay,
      lossScaling,
    });
    const layout = layoutOf(config);
    const batch = device.tensor('E', [layout.length], undefined, 'batch');
    const parts = { network, optimizer, randomBits: stepState.seed };
    const { recorder, objective } = recordStep(parts, batch, config);
    if (options.memoryBudgetBytes !== undefined) checkBudget(parts, config, recorder.plan().peakBytes, options.memoryBudgetBytes);
    const program = await recorder.compile({ label: 'training step' });
    return new Trainer(device, config, network, optimizer, layout, program, stepState, batch, objective);
  }

  /** Submits step number `step` (0 for the first) on a batch in `layout`; does not wait. */
  step(step: number, batch: Float32Array): void {
    this.device.write(this.batch, batch);
    const seed = new Random(this.config.train.seed, DROPOUT_STREAM, step).bits();
    this.optimizer.beginStep({ update: step, learningRate: learningRateOf(this.config, step), seed });
    this.program.run();
  }

  /** Losses of the last step submitted; waits for it. */
  async losses(): Promise<StepLosses> {
    const parts = [...(await this.device.read(this.objective.values))];
    const classification = parts.pop() ?? NaN;
    const [segmentation = 0] = parts;
    return { loss: segmentation + classification, segmentation, classification };
  }

  /** The arrays to evaluate and to ship: the moving average, or the weights themselves where there is none. */
  async averagedArrays(): Promise<Map<string, Float32Array>> {
    return (this.optimizer.ema ?? this.network.store).read();
  }

  destroy(): void {
    this.program.destroy();
    this.optimizer.destroy();
    this.stepState.destroy();
    this.network.destroy();
    const { buffer } = this.batch.buffer.storage;
    if (buffer) this.device.destroyBuffer(buffer);
  }
}

/** Learning rate of update number `step`, 0 for the first. */
export function learningRateOf({ train }: TrainConfig, step: number): number {
  return learningRate(step, { base: train.learningRate, least: train.leastLearningRate, warmup: train.warmup, total: train.steps });
}
