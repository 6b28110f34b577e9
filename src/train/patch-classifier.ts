// A small classifier of patches into two classes, trained from nothing: for questions about data, not to be shipped.
import { ParameterStore } from '../autograd/parameters.js';
import { crossEntropy } from '../autograd/ops/cross-entropy.js';
import { globalAvgPool2d } from '../autograd/ops/global-pool2d.js';
import { linear } from '../autograd/ops/linear.js';
import { maxPool2d } from '../autograd/ops/max-pool2d.js';
import { Tape } from '../autograd/tape.js';
import { LayerSet, type Layer, type Pass } from '../model/layers.js';
import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import type { Program } from '../runtime/program.js';
import { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { AdamW } from './optimizer.js';
import { learningRate } from './schedule.js';
import { StepState } from './step-state.js';

export interface PatchClassifierConfig {
  /** Channels and side of a patch, px; the side is a multiple of 8. */
  readonly channels: number;
  readonly side: number;
  /** Patches of a step. */
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** Values of one patch, channels x side x side, and its class, 0 or 1. */
export interface LabelledPatch {
  readonly values: Float32Array;
  readonly label: 0 | 1;
}

/** Channels of the four convolutions; a max-pool by 2 lies between any two. */
const WIDTHS = [8, 12, 16, 16] as const;
const STREAM = { weights: 0, order: 1 } as const;

/** Scores of the patches in `test`, higher = more like class 1, by a network trained on `train`. The same bits on one adapter. */
export async function classifyPatches(
  device: Device,
  config: PatchClassifierConfig,
  train: readonly LabelledPatch[],
  test: readonly LabelledPatch[],
): Promise<number[]> {
  const classifier = await PatchClassifier.create(device, config);
  try {
    const random = new Random(config.seed, STREAM.order);
    for (let step = 0; step < config.steps; step++) {
      classifier.step(
        step,
        Array.from({ length: config.batch }, () => random.pick(train)),
      );
      if (step % 8 === 7) await device.idle();
    }
    return await classifier.scores(test);
  } finally {
    classifier.destroy();
  }
}

class PatchClassifier {
  private constructor(
    private readonly device: Device,
    private readonly config: PatchClassifierConfig,
    private readonly parts: { readonly destroy: () => void }[],
    private readonly optimizer: AdamW,
    private readonly images: Tensor<'NCHW'>,
    private readonly labels: Tensor<'N'>,
    private readonly training: Program,
    private readonly evaluation: Program,
    private readonly logits: Tensor<'NC'>,
  ) {}

  static async create(device: Device, config: PatchClassifierConfig): Promise<PatchClassifier> {
    const { channels, side, batch } = config;
    const layers = new LayerSet();
    const convolutions = WIDTHS.map((width, i) => layers.convBnRelu(`conv${i}`, `bn${i}`, WIDTHS[i - 1] ?? channels, width));
    const features = WIDTHS[WIDTHS.length - 1] ?? 0;
    layers.parameters.push({ name: 'class.weight', axes: 'OI', shape: [2, features] }, { name: 'class.bias', axes: 'C', shape: [2] });
    const store = new ParameterStore(device, layers.parameters, layers.buffers);
    store.load(initialValues(layers, config.seed));
    const state = new StepState(device);
    const optimizer = new AdamW(store, state, { weightDecay: 1e-3, noDecayOn1d: true });
    const images = device.tensor('NCHW', [batch, channels, side, side], undefined, 'patches');
    const labels = device.tensor('N', [batch], undefined, 'labels');
    const one = device.tensor('', [], [1], 'one');
    const forward = (tape: Tape, mode: 'train' | 'eval'): Tensor<'NC'> => {
      const running = new Set(layers.buffers.map(({ name }) => name));
      const array = (name: string): Tensor => (running.has(name) ? store.buffer(name) : store.get(name));
      return classify({ tape, array, mode }, images, convolutions);
    };
    const recorder = new Recorder(device);
    const tape = new Tape(recorder);
    tape.backward(crossEntropy(tape, forward(tape, 'train'), labels), one);
    optimizer.record(recorder);
    const training = await recorder.compile({ label: 'classifier step' });
    const evaluator = new Recorder(device);
    const logits = forward(new Tape(evaluator, { grad: false }), 'eval');
    evaluator.keep(logits);
    const evaluation = await evaluator.compile({ label: 'classifier scores' });
    const tensors = [images, labels, one].map(({ buffer }) => ({
      destroy: () => {
        if (buffer.storage.buffer) device.destroyBuffer(buffer.storage.buffer);
      },
    }));
    const parts = [training, evaluation, optimizer, state, store, ...tensors];
    return new PatchClassifier(device, config, parts, optimizer, images, labels, training, evaluation, logits);
  }

  step(step: number, batch: readonly LabelledPatch[]): void {
    const { steps, learningRate: base } = this.config;
    this.device.write(this.images, joined(batch, this.images.size));
    this.device.write(
      this.labels,
      Float32Array.from(batch, ({ label }) => label),
    );
    const warmup = Math.min(20, steps >> 2);
    this.optimizer.beginStep({ update: step, learningRate: learningRate(step, { base, least: base / 100, warmup, total: steps }) });
    this.training.run();
  }

  async scores(patches: readonly LabelledPatch[]): Promise<number[]> {
    const scores: number[] = [];
    const { batch } = this.config;
    for (let first = 0; first < patches.length; first += batch) {
      this.device.write(this.images, joined(patches.slice(first, first + batch), this.images.size));
      this.evaluation.run();
      const logits = await this.device.read(this.logits);
      for (let n = 0; n < Math.min(batch, patches.length - first); n++) scores.push((logits[2 * n + 1] ?? 0) - (logits[2 * n] ?? 0));
    }
    return scores;
  }

  destroy(): void {
    for (const part of this.parts) part.destroy();
  }
}

function classify(pass: Pass, x: Tensor<'NCHW'>, convolutions: readonly Layer[]): Tensor<'NC'> {
  let y = x;
  for (const [i, convolution] of convolutions.entries()) {
    const last = i === convolutions.length - 1;
    y = convolution(pass, y, { settled: last });
    if (!last) y = maxPool2d(pass.tape, y, { kernelSize: 2 });
  }
  const features = globalAvgPool2d(pass.tape, y);
  return linear(pass.tape, features, pass.array('class.weight') as Tensor<'OI'>, pass.array('class.bias') as Tensor<'C'>);
}

/** He-normal convolutions, unit batch norms, equal odds. */
function initialValues({ parameters, buffers }: LayerSet, seed: number): Map<string, Float32Array> {
  return new Map(
    [...parameters, ...buffers].map(({ name, axes, shape }, i) => {
      const random = new Random(seed, STREAM.weights, i);
      const data = new Float32Array(shape.reduce((product, s) => product * s, 1));
      const fanIn = shape.slice(1).reduce((product, s) => product * s, 1);
      if (axes === 'OIHW') data.forEach((_, k) => (data[k] = random.normal(0, Math.sqrt(2 / fanIn))));
      if (/^bn\d\.weight$|running_var$/.test(name)) data.fill(1);
      return [name, data];
    }),
  );
}

function joined(patches: readonly LabelledPatch[], length: number): Float32Array {
  const all = new Float32Array(length);
  for (const [n, { values }] of patches.entries()) all.set(values, n * values.length);
  return all;
}
