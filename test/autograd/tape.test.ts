import { describe, expect, it } from 'vitest';
import { add } from '../../src/autograd/ops/add.js';
import { concat } from '../../src/autograd/ops/concat.js';
import { relu } from '../../src/autograd/ops/relu.js';
import { ParameterStore } from '../../src/autograd/parameters.js';
import { Tape, type Parameter } from '../../src/autograd/tape.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();
const shape = [1, 2, 1, 2];

/** The gradient of sum(y * dy) by one parameter p of ones, in its place in the store. */
async function gradientOf(forward: (tape: Tape, p: Parameter<'NCHW'>) => Tensor, dy: readonly number[]): Promise<number[]> {
  const store = new ParameterStore(device, [{ name: 'p', axes: 'NCHW', shape }]);
  store.load(new Map([['p', Float32Array.of(1, 1, 1, 1)]]));
  const tape = new Tape(new Recorder(device));
  const y = forward(tape, store.get<'NCHW'>('p'));
  tape.backward(y, device.tensor(y.axes, y.shape, dy));
  const program = await tape.recorder.compile();
  program.run();
  const gradient = await device.read(store.get('p').gradient);
  program.destroy();
  store.destroy();
  return [...gradient];
}

describe('the gradient of a parameter arrives in its place', () => {
  const constant = (): Tensor<'NCHW'> => device.tensor('NCHW', shape, [10, 20, 30, 40]);

  it('from an op that writes it there', async () => {
    expect(await gradientOf((tape, p) => relu(tape, p), [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
  });

  it('from several uses, summed', async () => {
    expect(await gradientOf((tape, p) => add(tape, [relu(tape, p), relu(tape, p), p]), [1, 2, 3, 4])).toEqual([3, 6, 9, 12]);
  });

  it('from add, which hands its own gradient on', async () => {
    expect(await gradientOf((tape, p) => add(tape, [constant(), p]), [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
  });

  it('from concat, whose gradient is a slice', async () => {
    expect(await gradientOf((tape, p) => concat(tape, [constant(), p]), [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([5, 6, 7, 8]);
  });

  it('from the one of two uses that reaches y', async () => {
    const half = (tape: Tape, p: Parameter<'NCHW'>): Tensor => {
      relu(tape, p);
      return relu(tape, p);
    };
    expect(await gradientOf(half, [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
  });
});
