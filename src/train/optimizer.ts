import { ParameterStore, type ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { adam } from '../kernels/adam.js';
import { gradientNorm } from '../kernels/gradient-norm.js';
import { keepOrRestore } from '../kernels/keep-or-restore.js';
import { sgd } from '../kernels/sgd.js';
import { weightAverage } from '../kernels/weight-average.js';
import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { LossScale, NO_LOSS_SCALING, type LossScaling } from './loss-scale.js';
import type { StepState } from './step-state.js';

export interface OptimizerOptions {
  readonly weightDecay?: number;
  /** No decay for parameters of one axis or none: biases, gains of norms. */
  readonly noDecayOn1d?: boolean;
  /** Gradients are scaled so that their norm, all together, is at most this. */
  readonly clipGlobalNorm?: number | undefined;
  /** Decay of the moving average of weights and running statistics; 0 = no average. */
  readonly emaDecay?: number;
  /** For maps of half precision; default: none. */
  readonly lossScaling?: LossScaling | undefined;
}

/** What the GPU found in the gradients of the last step. */
export interface GradientReport {
  /** Of the loss, before clipping; 0 where some gradient was not finite. */
  readonly norm: number;
  /** Factor that clipped the gradients, and took the loss scale out of them. */
  readonly scale: number;
  readonly skipped: boolean;
  /** Updates left out so far because a gradient was not finite. */
  readonly skippedUpdates: number;
}

export interface Step {
  /** Updates before this one: 0 for the first. */
  readonly update: number;
  readonly learningRate: number;
  /** 32 random bits for dropout. */
  readonly seed?: number;
}

/**
 * What all optimizers share: the global gradient norm, clipping, leaving out an update whose gradients are not all finite
 * (weights, moments, average and running statistics then stay as they were; the count of updates in the bias corrections goes
 * on), the loss scale, and the moving average. Everything is recorded once, after `Tape.backward`; nothing is read back in a step.
 *
 * Load the weights into the store before: the average and the kept statistics start from them.
 */
abstract class Optimizer {
  /** Norm, scale, update 1 or 0, skipped updates so far; see `readReport`. */
  readonly report: Tensor<'E'>;
  /** The moving averages: a store to build an evaluation model on. Absent with `emaDecay` 0. */
  readonly ema: ParameterStore | undefined;
  /** Begin `Tape.backward` with its `gradient`. */
  readonly lossScale: LossScale;
  protected readonly decay: Tensor<'E'>;
  private readonly keptBuffers: Tensor<'E'>;
  private readonly slots = new Map<string, Tensor<'E'>>();

  constructor(
    readonly store: ParameterStore,
    protected readonly stepState: StepState,
    private readonly common: OptimizerOptions,
  ) {
    const { device } = store;
    const { weightDecay = 0, noDecayOn1d = false, emaDecay = 0 } = common;
    const decays = store.perBlock((spec) => (noDecayOn1d && spec.shape.length < 2 ? 0 : weightDecay));
    this.decay = device.tensor('E', [decays.length], decays, 'weight decay');
    this.report = device.tensor('E', [4], [0, 1, 1, 0], 'gradient report');
    this.keptBuffers = device.tensor('E', [store.buffers.size], undefined, 'kept running statistics');
    this.ema = emaDecay > 0 ? new ParameterStore(device, store.specs, store.bufferSpecs, { gradients: false }) : undefined;
    this.lossScale = new LossScale(device, common.lossScaling ?? NO_LOSS_SCALING);
    this.startFromStore();
  }

  /** Appends the update to a training program, after its backward pass. */
  record(r: Recorder): void {
    const { store, report, ema, lossScale } = this;
    const step = this.stepState.numbers;
    const { growthInterval } = lossScale.scaling;
    const tensors = { gradients: store.gradients, report, scaling: lossScale.state };
    gradientNorm(r, tensors, { maxNorm: this.common.clipGlobalNorm, growthInterval });
    this.recordUpdate(r);
    if (store.bufferCount > 0) keepOrRestore(r, { x: store.buffers, kept: this.keptBuffers, report });
    if (!ema) return;
    weightAverage(r, { x: store.weights, average: ema.weights, report, step });
    if (store.bufferCount > 0) weightAverage(r, { x: store.buffers, average: ema.buffers, report, step });
  }

  /** Writes the step state: call before each run of the program. The average follows faster at first: min(decay, (1 + t) / (10 + t)). */
  beginStep({ update, learningRate, seed = 0 }: Step): void {
    const t = update + 1;
    const averageShare = 1 - Math.min(this.common.emaDecay ?? 0, (1 + t) / (10 + t));
    this.stepState.write({ learningRate, update, seed, biasCorrections: this.biasCorrections(t), averageShare });
  }

  async readReport(): Promise<GradientReport> {
    const [norm = NaN, scale = NaN, update, skippedUpdates = NaN] = await this.store.device.read(this.report);
    return { norm, scale, skipped: update === 0, skippedUpdates };
  }

  /** Everything beside weights and running statistics that exact resumption needs: `<slot>.<parameter>`, `ema.<name>`, `skippedUpdates`, `lossScale`. */
  async readState(): Promise<Map<string, ShapedArray>> {
    const shapes = this.shapes();
    const state = new Map<string, ShapedArray>();
    const put = (prefix: string, values: ReadonlyMap<string, Float32Array>): void => {
      for (const [name, data] of values) state.set(`${prefix}.${name}`, { shape: shapes.get(name) ?? [], data });
    };
    for (const [slot, tensor] of this.slots) put(slot, this.store.unflatten(await this.store.device.read(tensor)));
    if (this.ema) put('ema', await this.ema.read());
    const { skippedUpdates } = await this.readReport();
    state.set('skippedUpdates', { shape: [1], data: Float32Array.of(skippedUpdates) });
    if (!this.lossScale.isDynamic) return state;
    const { scale, updatesSinceChange } = await this.lossScale.read();
    return state.set('lossScale', { shape: [2], data: Float32Array.of(scale, updatesSinceChange) });
  }

  /** Takes a state from `readState`, after the weights were loaded. Errors: tensors that are missing, unknown or of another shape. */
  loadState(state: ReadonlyMap<string, Float32Array | ShapedArray>): void {
    const parts = new Map<string, Map<string, Float32Array | ShapedArray>>();
    for (const name of [...this.slots.keys(), ...(this.ema ? ['ema'] : [])]) parts.set(name, new Map());
    for (const [key, value] of state) {
      const [prefix = '', ...rest] = key.split('.');
      if (key === 'skippedUpdates' || key === 'lossScale') continue;
      const part = parts.get(prefix);
      if (!part)
        throw new UserError(
          `optimizer state: found ${key}, expected ${[...parts.keys()].join(', ')}; resume with the optimizer of the run.`,
        );
      part.set(rest.join('.'), value);
    }
    const flat = [...this.slots].map(([slot, tensor]) => [tensor, this.store.flatten(parts.get(slot) ?? new Map())] as const);
    this.startFromStore();
    this.ema?.load(parts.get('ema') ?? new Map());
    for (const [tensor, data] of flat) this.store.device.write(tensor, data);
    this.store.device.write(this.report, [0, 1, 1, numbers(state, 'skippedUpdates')[0] ?? 0]);
    const { initial } = this.lossScale.scaling;
    const [scale = initial, updatesSinceChange = 0] = this.lossScale.isDynamic ? numbers(state, 'lossScale') : [];
    this.lossScale.set(scale, updatesSinceChange);
  }

  /** Gives its memory back; the store and the step state stay. */
  destroy(): void {
    const { device } = this.store;
    for (const { buffer } of [this.decay, this.report, this.keptBuffers, ...this.slots.values()]) {
      if (buffer.storage.buffer) device.destroyBuffer(buffer.storage.buffer);
    }
    this.ema?.destroy();
    this.lossScale.destroy();
  }

  protected abstract recordUpdate(r: Recorder): void;

  protected biasCorrections(_t: number): readonly [number, number] {
    return [1, 1];
  }

  /** A persistent array of zeros in the layout of the weights, saved under this name. */
  protected slot(name: string): Tensor<'E'> {
    const tensor = this.store.device.tensor('E', [this.store.weights.size], undefined, name);
    this.slots.set(name, tensor);
    return tensor;
  }

  private startFromStore(): void {
    this.copy(this.store.buffers, this.keptBuffers);
    if (!this.ema) return;
    this.copy(this.store.weights, this.ema.weights);
    this.copy(this.store.buffers, this.ema.buffers);
  }

  private copy(from: Tensor, to: Tensor): void {
    const { gpu } = this.store.device;
    const source = from.buffer.storage.buffer;
    const target = to.buffer.storage.buffer;
    if (!source || !target) throw new Error('optimizer: a persistent array has no memory.');
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, target, 0, from.sizeBytes);
    gpu.queue.submit([encoder.finish()]);
  }

  private shapes(): Map<string, readonly number[]> {
    return new Map([...this.store.specs, ...this.store.bufferSpecs].map((s) => [s.name, s.shape]));
  }
}

/** The few numbers of this name in a state; none where it is absent. */
function numbers(state: ReadonlyMap<string, Float32Array | ShapedArray>, name: string): Float32Array {
  const found = state.get(name) ?? new Float32Array();
  return found instanceof Float32Array ? found : found.data;
}

export interface AdamOptions extends OptimizerOptions {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** true (the default) = AdamW: decay shrinks the weights directly; false = Adam with L2: decay is part of the gradient. */
  readonly decoupled?: boolean;
}

/** AdamW (arXiv 1711.05101) and Adam (arXiv 1412.6980), as torch.optim; defaults are PyTorch's, with no decay. */
export class AdamW extends Optimizer {
  private readonly m = this.slot('m');
  private readonly v = this.slot('v');
  private readonly settings: Required<Pick<AdamOptions, 'betas' | 'eps' | 'decoupled'>>;

  constructor(store: ParameterStore, stepState: StepState, options: AdamOptions = {}) {
    super(store, stepState, options);
    this.settings = { betas: options.betas ?? [0.9, 0.999], eps: options.eps ?? 1e-8, decoupled: options.decoupled ?? true };
  }

  protected override recordUpdate(r: Recorder): void {
    const { weights, gradients } = this.store;
    const { m, v, decay, report } = this;
    adam(r, { weights, gradients, m, v, decay, report, step: this.stepState.numbers }, this.settings);
  }

  protected override biasCorrections(t: number): readonly [number, number] {
    const [beta1, beta2] = this.settings.betas;
    return [1 - beta1 ** t, 1 - beta2 ** t];
  }
}

export interface SgdOptions extends OptimizerOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent with momentum and L2 decay, as torch.optim.SGD without dampening. */
export class Sgd extends Optimizer {
  private readonly velocity = this.slot('velocity');
  private readonly settings: Required<Pick<SgdOptions, 'momentum' | 'nesterov'>>;

  constructor(store: ParameterStore, stepState: StepState, options: SgdOptions = {}) {
    super(store, stepState, options);
    this.settings = { momentum: options.momentum ?? 0, nesterov: options.nesterov ?? false };
  }

  protected override recordUpdate(r: Recorder): void {
    const { weights, gradients } = this.store;
    const { velocity, decay, report } = this;
    sgd(r, { weights, gradients, velocity, decay, report, step: this.stepState.numbers }, this.settings);
  }
}
