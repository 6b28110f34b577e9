import { expect, it } from 'vitest';
import { conv2d, conv2dGradInput } from '../../src/kernels/conv2d.js';
import { sum } from '../../src/kernels/sum.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { tensorIn, type Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();
const SAME = { stride: 1, padding: 1, dilation: 1 };

/** Two weights side by side in one storage, as those of a model. */
function twoWeights(on: Device, channels: number, gap = 1152): [Tensor<'OIHW'>, Tensor<'OIHW'>] {
  const size = channels * channels * 9;
  const random = new Random(5);
  const { storage } = on.tensor(
    'E',
    [2 * gap],
    Float32Array.from({ length: 2 * gap }, () => random.normal() / size ** 0.5),
  ).buffer;
  const at = (first: number): Tensor<'OIHW'> =>
    tensorIn({ storage, offsetBytes: 4 * first, sizeBytes: 4 * size }, 'OIHW', [channels, channels, 3, 3]);
  return [at(0), at(gap)];
}

function image(on: Device, channels: number): Tensor<'NCHW'> {
  const random = new Random(6);
  const data = Float32Array.from({ length: channels * 35 }, () => random.normal());
  return on.tensor('NCHW', [1, channels, 5, 7], data);
}

function convolved(r: Recorder, x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>): Tensor<'NCHW'> {
  const y = r.empty('NCHW', x.shape);
  conv2d(r, { x, weight, bias: null, y }, SAME, false);
  return y;
}

const packs = (r: Recorder): number => r.dispatches.filter(({ shader }) => shader.name === 'conv2dPack').length;

/** Each tensor as a program computes it. */
async function results(on: Device, record: (r: Recorder) => readonly Tensor[]): Promise<Float32Array[]> {
  const r = new Recorder(on);
  const tensors = record(r);
  for (const t of tensors) r.keep(t);
  const program = await r.compile();
  program.run();
  const read = await Promise.all(tensors.map((t) => on.read(t)));
  program.destroy();
  return read;
}

it('packs all weights of a storage in one dispatch, forward and for the gradients, each once', async () => {
  const [a, b] = twoWeights(device, 11);
  const x = image(device, 11);
  const alone = await Promise.all([a, b].map(async (w) => (await results(device, (r) => [convolved(r, x, w)]))[0]));
  const together = await results(device, (r) => {
    const maps = [convolved(r, x, a), convolved(r, x, b), convolved(r, x, a)];
    const dx = r.empty('NCHW', x.shape);
    conv2dGradInput(r, a, x, dx, SAME);
    expect(packs(r)).toBe(1);
    expect(r.dispatches[0]?.params.count).toBe(3 * 4);
    return [...maps, dx];
  });
  expect(together.slice(0, 3)).toEqual([alone[0], alone[1], alone[0]]);
  const [dx] = await results(device, (r) => {
    const only = r.empty('NCHW', x.shape);
    conv2dGradInput(r, a, x, only, SAME);
    return [only];
  });
  expect(together[3]).toEqual(dx);
});

it('packs weights again that the program has changed', async () => {
  const [a] = twoWeights(device, 3);
  const x = image(device, 3);
  const values = await device.read(a);
  const [before, after] = await results(device, (r) => {
    const first = convolved(r, x, a);
    const doubled = r.empty('OIHW', a.shape);
    sum(r, [a, a], doubled);
    sum(r, [doubled], a);
    const second = convolved(r, x, a);
    expect(packs(r)).toBe(2);
    return [first, second];
  });
  expect(after).toEqual(before?.map((v) => 2 * v));
  expect(await device.read(a)).toEqual(values.map((v) => 2 * v));
});

it('follows weights with the next run', async () => {
  const [a] = twoWeights(device, 3);
  const r = new Recorder(device);
  const y = convolved(r, image(device, 3), a);
  r.keep(y);
  const program = await r.compile();
  program.run();
  const before = await device.read(y);
  const { storage } = a.buffer;
  device.write(
    tensorIn({ ...a.buffer, storage }, 'E', [a.size]),
    (await device.read(a)).map((v) => -v),
  );
  program.run();
  expect(await device.read(y)).toEqual(before.map((v) => -v));
});

it.each([
  ['a pack is full', 1152],
  ['weights lie in a buffer that exceeds a binding', 10048],
])('begins another dispatch where %s', async (_, gap) => {
  const record = (on: Device) => (r: Recorder) => twoWeights(on, 11, gap).map((w) => convolved(r, image(on, 11), w));
  const small = await testDevice({ maxBindingBytes: 65536 + 6336 });
  const split = await results(small, (r) => {
    const maps = record(small)(r);
    expect(packs(r)).toBe(2);
    return maps;
  });
  expect(split).toEqual(await results(device, record(device)));
});
