import { expect, it } from 'vitest';
import { crossEntropy } from '../../src/autograd/ops/cross-entropy.js';
import { Tape } from '../../src/autograd/tape.js';
import type { Classifier } from '../../src/model/classifier.js';
import { Network } from '../../src/model/network.js';
import { resnet22 } from '../../src/model/resnet22.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, loadGolden, type Golden } from '../support/golden.js';
import { arraysBelow, expectUpdates, goldenTensor } from '../support/golden-model.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

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
  const count = parameters.filter(({ name }) => !name.startsWith('fc.')).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
  expect(count).toBe(2_799_536);
});
