// What the parity tests of all networks share: a fixture's arrays on a device, and its ten updates.
import type { Tape } from '../../src/autograd/tape.js';
import type { LayerSet } from '../../src/model/layers.js';
import type { Network } from '../../src/model/network.js';
import type { Device } from '../../src/runtime/device.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { AdamW } from '../../src/train/optimizer.js';
import { StepState } from '../../src/train/step-state.js';
import { expectClose, type Golden } from './golden.js';

/** The arrays of a fixture below a prefix, without it. */
export function arraysBelow(golden: Golden, prefix: string): Map<string, Float32Array> {
  return new Map([...golden.tensors.keys()].filter((n) => n.startsWith(prefix)).map((n) => [n.slice(prefix.length), golden.f32(n)]));
}

export function goldenTensor<A extends string>(device: Device, golden: Golden, name: string, axes: A): Tensor<A> {
  return device.tensor(axes, golden.shape(name), golden.f32(name), name);
}

export interface RecordedLoss {
  readonly network: Network<{ readonly layers: LayerSet }>;
  readonly loss: Tensor<''>;
  readonly tape: Tape;
}

interface Optimizer {
  readonly lr: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly steps: number;
}

/** The fixture's AdamW updates: the loss before each, and the arrays after all of them. */
export async function expectUpdates(device: Device, golden: Golden, { network, loss, tape }: RecordedLoss): Promise<void> {
  const { lr, betas, eps, weight_decay: weightDecay, steps } = golden.optimizer as Optimizer;
  const optimizer = new AdamW(network.store, new StepState(device), { betas, eps, weightDecay });
  tape.backward(loss, device.tensor('', [], [1]));
  optimizer.record(tape.recorder);
  const program = await tape.recorder.compile();
  const losses: number[] = [];
  for (let update = 0; update < steps; update++) {
    optimizer.beginStep({ update, learningRate: lr });
    program.run();
    losses.push(...(await device.read(loss)));
  }
  golden.expectClose('train.losses', losses);
  // A bias in front of a batch norm has gradient 0: noise there becomes steps of up to lr, in the bias and in the running mean behind it.
  const noisy = new Set(network.model.layers.folds.flatMap(({ conv, bn }) => [`${conv}.bias`, `${bn}.running_mean`]));
  for (const [name, data] of await network.store.read()) {
    const { abs = 0, ...rest } = golden.tolerance[`final.${name}`] ?? {};
    expectClose(data, golden.f32(`final.${name}`), { ...rest, abs: abs + (noisy.has(name) ? steps * lr : 0) }, `final.${name}`);
  }
  program.destroy();
}
