import { describe, expect, it } from 'vitest';
import { crossEntropy } from '../../src/autograd/ops/cross-entropy.js';
import { Tape } from '../../src/autograd/tape.js';
import type { Classifier } from '../../src/model/classifier.js';
import { CONVNEXT_FLAVOURS, convnext } from '../../src/model/convnext.js';
import type { ArraySpec } from '../../src/model/layers.js';
import { Network } from '../../src/model/network.js';
import { resnet22 } from '../../src/model/resnet22.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, loadGolden, type Golden } from '../support/golden.js';
import { arraysBelow, expectUpdates, goldenTensor } from '../support/golden-model.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

function parameterCount(specs: readonly ArraySpec[]): number {
  return specs.reduce((total, { shape }) => total + shape.reduce((product, side) => product * side, 1), 0);
}

interface Recorded {
  readonly network: Network<Classifier>;
  readonly logits: Tensor<'NC'>;
  readonly loss: Tensor<''>;
  readonly tape: Tape;
}

function recordLoss(golden: Golden, model: Classifier, mode: 'train' | 'eval'): Recorded {
  const network = new Network(device, model, 'train');
  network.load(arraysBelow(golden, 'param.'));
  const tape = new Tape(new Recorder(device));
  const logits = model.forward(network.pass(tape, mode), goldenTensor(device, golden, 'in.x', 'NCHW'));
  const loss = crossEntropy(tape, logits, device.tensor('N', golden.shape('in.target'), Float32Array.from(golden.ints('in.target'))));
  for (const t of [logits, loss]) tape.recorder.keep(t);
  return { network, logits, loss, tape };
}

/** Of a network whose purpose is inference. */
async function inferredLogits(golden: Golden, model: Classifier): Promise<Float32Array> {
  const network = new Network(device, model, 'infer');
  network.load(arraysBelow(golden, 'param.'));
  const tape = new Tape(new Recorder(device), { grad: false });
  const logits = model.forward(network.pass(tape), goldenTensor(device, golden, 'in.x', 'NCHW'));
  tape.recorder.keep(logits);
  (await tape.recorder.compile()).run();
  return device.read(logits);
}

async function expectTrainingPass(golden: Golden, model: Classifier, logitsName: string): Promise<void> {
  const { network, logits, loss, tape } = recordLoss(golden, model, 'train');
  tape.backward(loss, device.tensor('', [], [1]));
  const program = await tape.recorder.compile();
  program.run();
  golden.expectClose(logitsName, await device.read(logits));
  golden.expectClose('out.loss', await device.read(loss));
  for (const { name } of model.layers.parameters) golden.expectClose(`grad.${name}`, await device.read(network.store.get(name).gradient));
  for (const { name } of model.layers.buffers) golden.expectClose(`after1.${name}`, await device.read(network.store.buffer(name)));
  program.destroy();
}

describeGolden('ResNet-22 equals PyTorch', () => {
  const golden = loadGolden('models/resnet22');
  const { width, classes } = golden.params as { width: number; classes: number };
  const model = resnet22({ inputChannels: 1, width, classes });

  it('logits, loss, every gradient and the running statistics of one training pass', async () => {
    await expectTrainingPass(golden, model, 'out.train.logits');
  });

  it('logits in evaluation mode, and of a network for inference', async () => {
    const { logits, tape } = recordLoss(golden, model, 'eval');
    (await tape.recorder.compile()).run();
    golden.expectClose('out.eval.logits', await device.read(logits));
    golden.expectClose('out.eval.logits', await inferredLogits(golden, model));
  });

  it('ten AdamW losses and the arrays after them', async () => {
    await expectUpdates(device, golden, recordLoss(golden, model, 'train'));
  });
});

it('ResNet-22 of the published width has 2,799,536 parameters in its trunk', () => {
  const { parameters } = resnet22({ inputChannels: 1, width: 16, classes: 3 }).layers;
  expect(parameterCount(parameters.filter(({ name }) => !name.startsWith('fc.')))).toBe(2_799_536);
});

describeGolden('ConvNeXt equals PyTorch', () => {
  const golden = loadGolden('models/convnext');
  const { depths, dims, classes } = golden.params as { depths: number[]; dims: number[]; classes: number };
  const model = convnext({ inputChannels: 1, depths, widths: dims, stemStride: 4, stochasticDepth: 0, classes });

  it('logits, loss and every gradient', async () => {
    await expectTrainingPass(golden, model, 'out.logits');
  });

  it('logits of a network for inference', async () => {
    golden.expectClose('out.logits', await inferredLogits(golden, model));
  });

  it('ten AdamW losses and the arrays after them', async () => {
    await expectUpdates(device, golden, recordLoss(golden, model, 'train'));
  });
});

describe('ConvNeXt', () => {
  it('tiny has the published number of parameters: 28,589,128 for three channels and a thousand classes', () => {
    const { layers } = convnext({ ...CONVNEXT_FLAVOURS.tiny, inputChannels: 3, stemStride: 4, stochasticDepth: 0, classes: 1000 });
    expect(parameterCount(layers.parameters)).toBe(28_589_128);
  });

  it.each([
    ['atto', 3.37],
    ['femto', 4.83],
    ['pico', 8.53],
  ] as const)('%s has %f million parameters before its head', (flavour, millions) => {
    const { layers } = convnext({ ...CONVNEXT_FLAVOURS[flavour], inputChannels: 1, stemStride: 4, stochasticDepth: 0, classes: 3 });
    expect(parameterCount(layers.parameters.filter(({ name }) => !name.startsWith('fc.'))) / 1e6).toBeCloseTo(millions, 2);
  });

  it('skips blocks at random in training, the last ones most, and none in inference', async () => {
    const config = { inputChannels: 1, depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], stemStride: 2, classes: 3 } as const;
    const model = convnext({ ...config, stochasticDepth: 0.9 });
    const random = new Random(4);
    const arrays = new Map(
      model.layers.parameters.map(({ name, shape }) => [
        name,
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
      ]),
    );
    const x = device.tensor(
      'NCHW',
      [1, 1, 32, 32],
      Float32Array.from({ length: 1024 }, () => random.normal()),
    );
    const logits = async (seed: number, mode: 'train' | 'eval'): Promise<string> => {
      const network = new Network(device, model, 'train');
      network.load(arrays);
      const tape = new Tape(new Recorder(device));
      const pass = { ...network.pass(tape, mode), randomBits: device.tensor('C', [1], [seed]) };
      const y = model.forward(pass, x);
      tape.recorder.keep(y);
      (await tape.recorder.compile()).run();
      return (await device.read(y)).join();
    };
    const whole = await logits(1, 'eval');
    expect(await logits(2, 'eval')).toBe(whole);
    const seen = new Set([whole]);
    for (let seed = 1; seed <= 8; seed++) seen.add(await logits(seed, 'train'));
    expect(seen.size).toBeGreaterThan(2);
  });
});
