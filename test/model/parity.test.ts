import { expect, it } from 'vitest';
import { bceWithLogits } from '../../src/autograd/ops/bce-with-logits.js';
import { maxPool2d } from '../../src/autograd/ops/max-pool2d.js';
import { diceLoss } from '../../src/autograd/ops/overlap-loss.js';
import { weightedSum } from '../../src/autograd/ops/weighted-sum.js';
import { settled } from '../../src/autograd/ops/batch-norm.js';
import { Tape } from '../../src/autograd/tape.js';
import { fullScaleAggregation } from '../../src/model/aggregation.js';
import { FULL, type UNet3PlusConfig } from '../../src/model/config.js';
import { LayerSet } from '../../src/model/layers.js';
import { Network } from '../../src/model/network.js';
import { unet3plus, upsampleHeads, type UNet3Plus } from '../../src/model/unet3plus.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { ElementType } from '../../src/runtime/storage.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden, type Golden } from '../support/golden.js';
import { arraysBelow, expectUpdates, goldenTensor } from '../support/golden-model.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

interface Recorded {
  readonly network: Network;
  readonly logits: readonly Tensor[];
  readonly loss: Tensor<''>;
  readonly tape: Tape;
}

/** Forward pass and the fixture's loss: mean over heads of BCE + Dice. */
function recordLoss(golden: Golden, model: UNet3Plus, mode: 'train' | 'eval', maps: ElementType = 'f32'): Recorded {
  const network = new Network(device, model, 'train');
  network.load(arraysBelow(golden, 'param.'));
  const tape = new Tape(new Recorder(device, { maps }));
  const pass = network.pass(tape, mode);
  const logits = upsampleHeads(pass, model.forward(pass, goldenTensor(device, golden, 'in.x', 'NCHW')).heads);
  const target = goldenTensor(device, golden, 'in.target', 'NCHW');
  const terms = logits.flatMap((l) => [bceWithLogits(tape, l, target), diceLoss(tape, l, target, { over: 'sample', smooth: 1 })]);
  const { total: loss } = weightedSum(
    tape,
    terms,
    terms.map(() => 1 / logits.length),
  );
  for (const t of [...logits, loss]) tape.recorder.keep(t);
  return { network, logits, loss, tape };
}

describeGolden('UNet3+ equals PyTorch', () => {
  const golden = loadGolden('models/unet3p');
  const { filters, width, classes } = golden.params as { filters: number[]; width: number; classes: number };
  const config: UNet3PlusConfig = {
    ...FULL,
    encoder: filters,
    branch: width,
    fusion: Array.from({ length: 4 }, () => 5 * width),
    segmentationChannels: classes,
    deepSupervision: true,
  };
  const model = unet3plus(config);
  const { parameters, buffers } = model.layers;

  it('logits, loss, every gradient and the running statistics of one training pass', async () => {
    const { network, logits, loss, tape } = recordLoss(golden, model, 'train');
    tape.backward(loss, device.tensor('', [], [1]));
    const program = await tape.recorder.compile();
    program.run();
    for (const [i, l] of logits.entries()) golden.expectClose(`out.train.logits.${i}`, await device.read(l));
    golden.expectClose('out.loss', await device.read(loss));
    for (const { name } of parameters) golden.expectClose(`grad.${name}`, await device.read(network.store.get(name).gradient));
    for (const { name } of buffers) golden.expectClose(`after1.${name}`, await device.read(network.store.buffer(name)));
    expect(program.plan.peakBytes).toBeLessThan(program.plan.naiveBytes / 2);
    program.destroy();
  });

  // docs/numerics.md: relative, 2-norm. ReLUs and max-pools of nearly equal values choose otherwise, which gradients show the most.
  it.runIf(device.halfPrecision)('with maps of half precision: logits to 2e-2, loss to 2e-4, all gradients together to 0.15', async () => {
    const { network, logits, loss, tape } = recordLoss(golden, model, 'train', 'f16');
    const scale = 2 ** 16;
    tape.backward(loss, device.tensor('', [], [scale]));
    const program = await tape.recorder.compile();
    program.run();
    for (const [i, l] of logits.entries()) {
      const name = `out.train.logits.${i}`;
      expectClose(await device.read(l), golden.f32(name), { l2: 2e-2 }, name);
    }
    const [expected = NaN] = golden.f32('out.loss');
    expectClose(await device.read(loss), [expected], { l2: 2e-4 }, 'loss');
    const found: number[] = [];
    const wanted: number[] = [];
    for (const { name } of parameters) {
      for (const g of await device.read(network.store.get(name).gradient)) found.push(g / scale);
      for (const g of golden.f32(`grad.${name}`)) wanted.push(g);
    }
    expectClose(found, wanted, { l2: 0.15 }, 'all gradients');
    program.destroy();
  });

  it('logits in evaluation mode, and with the batch norms folded into the convolutions', async () => {
    const { logits, tape } = recordLoss(golden, model, 'eval');
    const program = await tape.recorder.compile();
    program.run();
    for (const [i, l] of logits.entries()) golden.expectClose(`out.eval.logits.${i}`, await device.read(l));

    const folded = new Network(device, model, 'infer');
    folded.load(arraysBelow(golden, 'param.'));
    const inference = new Tape(new Recorder(device), { grad: false });
    const pass = folded.pass(inference);
    const heads = upsampleHeads(pass, model.forward(pass, goldenTensor(device, golden, 'in.x', 'NCHW')).heads);
    for (const h of heads) inference.recorder.keep(h);
    (await inference.recorder.compile()).run();
    for (const [i, l] of heads.entries()) golden.expectClose(`out.eval.logits.${i}`, await device.read(l));
  });

  it('ten AdamW losses and the arrays after them', async () => {
    await expectUpdates(device, golden, recordLoss(golden, model, 'train'));
  });
});

describeGolden('full-scale skip aggregation equals PyTorch', () => {
  it.each(listGolden('ops', 'aggregate_'))('%s: output and every gradient', async (path) => {
    const golden = loadGolden(path);
    const { level, sourceChannels, branchChannels } = golden.params as { level: number; sourceChannels: number[]; branchChannels: number };
    const layers = new LayerSet();
    const options = {
      level,
      sourceWidths: sourceChannels,
      branch: branchChannels,
      fusion: 5 * branchChannels,
      upsampling: 'before-conv' as const,
    };
    const aggregate = fullScaleAggregation(layers, 'node', options);
    const network = new Network(device, { config: FULL, layers, forward: () => expect.unreachable() }, 'train');
    const arrays = [...arraysBelow(golden, 'in.')].filter(([name]) => /^(branch|fuse)\./.test(name));
    network.load(new Map(arrays.map(([name, data]) => [`node.${name}`, data])));
    const tape = new Tape(new Recorder(device));
    const sources = sourceChannels.map((_, s) => {
      const source = goldenTensor(device, golden, `in.src.${s}`, 'NCHW');
      source.requiresGrad = true;
      return source;
    });
    const halvings = (x: Tensor<'NCHW'>, times: number): Tensor<'NCHW'> =>
      times > 0 ? halvings(maxPool2d(tape, x, { kernelSize: 2 }), times - 1) : x;
    const ownSize = sources.map((source, s) => halvings(source, level - s));
    const y = settled(tape, aggregate(network.pass(tape), ownSize));
    tape.recorder.keep(y);
    const gradients = tape.backward(y, goldenTensor(device, golden, 'in.dy', 'NCHW'));
    for (const g of gradients.values()) tape.recorder.keep(g);
    (await tape.recorder.compile()).run();
    golden.expectClose('out.y', await device.read(y));
    for (const [s, source] of sources.entries()) golden.expectClose(`grad.src.${s}`, await device.read(gradients.get(source) ?? source));
    for (const { name } of layers.parameters)
      golden.expectClose(`grad.${name.slice('node.'.length)}`, await device.read(network.store.get(name).gradient));
  });
});
