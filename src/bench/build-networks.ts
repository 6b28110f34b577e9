import type { ParameterStore, ShapedArray } from '../autograd/parameters.js';
import { bceWithLogits } from '../autograd/ops/bce-with-logits.js';
import { weightedSum } from '../autograd/ops/weighted-sum.js';
import { Tape } from '../autograd/tape.js';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { Network } from '../model/network.js';
import { unet3plus, upsampleHeads, type UNet3Plus } from '../model/unet3plus.js';
import { Recorder } from '../runtime/recorder.js';
import { fillBatch } from '../train/batch.js';
import { defaultConfig } from '../train/config.js';
import { DYNAMIC_LOSS_SCALING, type LossScale } from '../train/loss-scale.js';
import { AdamW } from '../train/optimizer.js';
import { StepState } from '../train/step-state.js';
import { Trainer } from '../train/trainer.js';
import { masksOf } from './inputs.js';
import { compileWithin, freeTensors, inputTensor, replayed, type BuildContext, type NamedArrays, type Runnable } from './runnable.js';
import type { NetworkWorkload } from './workloads.js';

const LEARNING_RATE = 1e-3;

/** Parameters and running statistics that the model has, out of the inputs. */
function arraysOf({ layers }: UNet3Plus, inputs: NamedArrays): Map<string, Float32Array> {
  return new Map([...layers.parameters, ...layers.buffers].map(({ name }) => [name, inputs.get(name)?.data ?? new Float32Array()]));
}

/** Gradients of the last step's loss, as `grad.<name>`. */
async function gradientsOf(store: ParameterStore, lossScale: LossScale): Promise<Map<string, ShapedArray>> {
  const { lastInverse } = await lossScale.read();
  const gradients = store.unflatten((await store.device.read(store.gradients)).map((g) => g * lastInverse));
  return new Map(store.specs.map(({ name, shape }) => [`grad.${name}`, { shape, data: gradients.get(name)! }]));
}

/** Forward, mean over the heads of BCE with logits, backward and Adam; `tapeOn` may bring a tape that looks on. */
export async function buildTrainStep(
  workload: NetworkWorkload,
  context: BuildContext,
  tapeOn = (recorder: Recorder): Tape => new Tape(recorder),
): Promise<Runnable> {
  const { device, inputs, memoryBudgetBytes, precision } = context;
  const model = unet3plus(workload.network);
  const network = new Network(device, model, 'train');
  network.load(arraysOf(model, inputs));
  const [x, target] = [inputTensor(context, 'x', 'NCHW'), inputTensor(context, 'target', 'NCHW')];
  const stepState = new StepState(device);
  const lossScaling = precision === 'f16' ? DYNAMIC_LOSS_SCALING : undefined;
  const optimizer = new AdamW(network.store, stepState, { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, lossScaling });
  const recorder = new Recorder(device, { maps: precision });
  const tape = tapeOn(recorder);
  const pass = network.pass(tape);
  const heads = upsampleHeads(pass, model.forward(pass, x).heads);
  const terms = heads.map((logits) => bceWithLogits(tape, logits, target));
  const { total: loss } = weightedSum(
    tape,
    terms,
    terms.map(() => 1 / terms.length),
  );
  recorder.keep(loss);
  tape.backward(loss, optimizer.lossScale.gradient);
  optimizer.record(recorder);
  const program = await compileWithin(recorder, `workload ${workload.name}`, memoryBudgetBytes);
  let update = 0;
  return replayed(device, program, {
    before: () => optimizer.beginStep({ update: update++, learningRate: LEARNING_RATE }),
    outputs: async () => {
      const outputs = await gradientsOf(network.store, optimizer.lossScale);
      return outputs.set('loss', { shape: [1], data: Float32Array.from(await device.read(loss)) });
    },
    destroy: () => {
      optimizer.destroy();
      stepState.destroy();
      network.destroy();
      freeTensors(device, [x, target]);
    },
  });
}

/** Batch norms folded; S computes its finest head alone, the compact network its fused output. */
export async function buildInference(workload: NetworkWorkload, context: BuildContext): Promise<Runnable> {
  const { device, inputs, memoryBudgetBytes, precision } = context;
  const compact = workload.kind === 'infer-compact';
  const model = unet3plus(compact ? workload.network : { ...workload.network, deepSupervision: false });
  const network = new Network(device, model, 'infer');
  network.load(arraysOf(model, inputs));
  const x = inputTensor(context, 'x', 'NCHW');
  const recorder = new Recorder(device, { maps: precision });
  const { fused: logits } = model.forward(network.pass(new Tape(recorder, { grad: false })), x);
  recorder.keep(logits);
  const program = await compileWithin(recorder, `workload ${workload.name}`, memoryBudgetBytes);
  return replayed(device, program, {
    outputs: async () => new Map([['logits', { shape: logits.shape, data: await device.read(logits) }]]),
    destroy: () => {
      network.destroy();
      freeTensors(device, [x]);
    },
  });
}

/** The project's own training step, as `mcgpu train` runs it; class n % 3 for image n. */
export async function buildCompactTrainStep({ network, batch, side }: NetworkWorkload, context: BuildContext): Promise<Runnable> {
  const { device, inputs, memoryBudgetBytes, precision } = context;
  const config = defaultConfig();
  const trainer = await Trainer.create(
    device,
    {
      ...config,
      model: { architecture: 'unet3plus', ...network } as typeof config.model,
      train: { ...config.train, batch, patch: side, precision: precision ?? 'f32' },
    },
    { arrays: arraysOf(unet3plus(network), inputs), ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }) },
  );
  const data = new Float32Array(trainer.layout.length);
  const [x, target] = [inputs.get('x')!, inputs.get('target')!];
  const samples = Array.from({ length: batch }, (_, n) => ({
    image: { width: side, height: side, data: x.data.subarray(n * side * side, (n + 1) * side * side) },
    masks: masksOf(target, n),
    ignore: new Uint8Array(side * side),
    classIndex: n % (SEGMENTATION_CHANNELS.length + 1),
  }));
  fillBatch(trainer.layout, samples, data);
  let step = 0;
  return {
    program: trainer.program,
    plan: trainer.program.plan,
    step: () => trainer.step(step++, data),
    wait: () => device.idle(),
    outputs: async () => {
      const outputs = await gradientsOf(trainer.network.store, trainer.optimizer.lossScale);
      return outputs.set('loss', { shape: [1], data: Float32Array.of((await trainer.losses()).loss) });
    },
    destroy: () => trainer.destroy(),
  };
}
