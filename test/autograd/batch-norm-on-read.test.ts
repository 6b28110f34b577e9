import { describe, expect, it } from 'vitest';
import { batchNorm, batchNormOnRead, settled } from '../../src/autograd/ops/batch-norm.js';
import { add } from '../../src/autograd/ops/add.js';
import { attentionPool } from '../../src/autograd/ops/attention-pool.js';
import { avgPool2d } from '../../src/autograd/ops/avg-pool2d.js';
import { bilinear } from '../../src/autograd/ops/bilinear.js';
import { concat, sideBySide } from '../../src/autograd/ops/concat.js';
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import { conv2dUpsampled } from '../../src/autograd/ops/conv2d-upsampled.js';
import { maxPool2d } from '../../src/autograd/ops/max-pool2d.js';
import { relu } from '../../src/autograd/ops/relu.js';
import { Tape } from '../../src/autograd/tape.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { channelConcat, type Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const devices: readonly (readonly [string, Device])[] = [
  ['the fastest kernels', await testDevice()],
  ['portable kernels', await testDevice({ portable: true })],
  ['maps split over several buffers', await testDevice({ maxBindingBytes: 65536 })],
];
const smallBindings = await testDevice({ maxBindingBytes: 8192 });

type Map2d = Tensor<'NCHW'>;
type Norm = (tape: Tape, x: Map2d, state: Parameters<typeof batchNorm>[2]) => Map2d;
/** What reads the normalised map; `weight` makes learnt weights of these sizes. */
type Reader = (tape: Tape, x: Map2d, weight: (...shape: number[]) => Tensor<'OIHW'>) => Tensor;

const written: Norm = (tape, x, state) => batchNorm(tape, x, state, { training: true, relu: true });
const onRead: Norm = (tape, x, state) => batchNormOnRead(tape, x, state, { training: true });

interface Shape {
  readonly n: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Result, gradients of x, scale, shift and weights, and running statistics. */
async function run(device: Device, { n, channels, height, width }: Shape, norm: Norm, reader: Reader): Promise<Float32Array[]> {
  const random = new Random(5, n, channels, height, width);
  const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal(0.3, 1));
  const tape = new Tape(new Recorder(device));
  const learnt = <A extends string>(axes: A, shape: readonly number[]): Tensor<A> => {
    const tensor = device.tensor(axes, shape, normals(shape.reduce((a, b) => a * b, 1)));
    tensor.requiresGrad = true;
    inputs.push(tensor);
    return tensor;
  };
  const inputs: Tensor[] = [];
  const x = learnt('NCHW', [n, channels, height, width]);
  const state = {
    weight: learnt('C', [channels]),
    bias: learnt('C', [channels]),
    runningMean: device.tensor('C', [channels], normals(channels)),
    runningVar: device.tensor('C', [channels], normals(channels)),
  };
  const copy = relu(tape, x); // a transient map, split where a binding cannot hold it
  const y = reader(tape, norm(tape, copy, state), (...shape) => learnt('OIHW', shape));
  tape.recorder.keep(y);
  const gradients = tape.backward(y, device.tensor(y.axes, y.shape, normals(y.size)));
  const results = inputs.map((t) => gradients.get(t)).filter((t) => t !== undefined);
  for (const t of results) tape.recorder.keep(t);
  const program = await tape.recorder.compile();
  program.run();
  const values: Float32Array[] = [];
  for (const t of [y, ...results, state.runningMean, state.runningVar]) values.push(await device.read(t));
  program.destroy();
  expect(results).toHaveLength(inputs.length);
  return values;
}

const readers: readonly (readonly [string, Shape, Reader])[] = [
  ['3x3 convolution', { n: 2, channels: 9, height: 17, width: 13 }, (t, x, w) => conv2d(t, x, w(11, 9, 3, 3), null, { padding: 1 })],
  ['3x3 convolution of a large map', { n: 1, channels: 20, height: 33, width: 40 }, (t, x, w) => conv2d(t, x, w(9, 20, 3, 3), null, { padding: 1 })],
  ['3x3 convolution to few channels', { n: 1, channels: 40, height: 6, width: 70 }, (t, x, w) => conv2d(t, x, w(3, 40, 3, 3), null, { padding: 1 })],
  ['3x3 convolution by Winograd', { n: 1, channels: 40, height: 60, width: 70 }, (t, x, w) => conv2d(t, x, w(40, 40, 3, 3), null, { padding: 1 })],
  ['3x3 convolution without padding', { n: 1, channels: 3, height: 9, width: 8 }, (t, x, w) => conv2d(t, x, w(8, 3, 3, 3), null)],
  ['1x1 convolution', { n: 2, channels: 17, height: 9, width: 7 }, (t, x, w) => conv2d(t, x, w(26, 17, 1, 1), null)],
  ['1x1 convolution of stride 2', { n: 1, channels: 5, height: 9, width: 8 }, (t, x, w) => conv2d(t, x, w(4, 5, 1, 1), null, { stride: 2 })],
  ['dilated convolution', { n: 1, channels: 5, height: 9, width: 8 }, (t, x, w) => conv2d(t, x, w(4, 5, 3, 3), null, { padding: 2, dilation: 2 })],
  ['upsampled convolution', { n: 1, channels: 9, height: 5, width: 6 }, (t, x, w) => conv2dUpsampled(t, x, w(8, 9, 3, 3), null, { scale: 4 })],
  ['max-pool', { n: 2, channels: 6, height: 13, width: 11 }, (t, x) => maxPool2d(t, x, { kernelSize: 2 })],
  ['max-pool of overlapping windows', { n: 1, channels: 3, height: 9, width: 9 }, (t, x) => maxPool2d(t, x, { kernelSize: 3, stride: 2, padding: 1 })],
  ['average-pool', { n: 1, channels: 3, height: 8, width: 9 }, (t, x) => avgPool2d(t, x, { kernelSize: 2 })],
  ['attention pool', { n: 2, channels: 5, height: 9, width: 8 }, (t, x) => attentionPool(t, x, settled(t, x))],
  ['bilinear', { n: 1, channels: 3, height: 5, width: 6 }, (t, x) => bilinear(t, x, { height: 10, width: 12 })],
  ['concatenation with a settled map', { n: 1, channels: 4, height: 5, width: 6 }, (t, x, w) => conv2d(t, concat(t, [x, avgPool2d(t, x, { kernelSize: 3, stride: 1, padding: 1 })]), w(5, 8, 3, 3), null, { padding: 1 })],
]; // prettier-ignore

for (const [kind, device] of devices) {
  describe(`a map that its readers normalise (${kind})`, () => {
    it.each(readers)('%s: result and every gradient are those of the written map, bit for bit', async (_, shape, reader) => {
      const [expected, found] = [await run(device, shape, written, reader), await run(device, shape, onRead, reader)];
      for (const [i, values] of expected.entries()) expect(found[i]).toEqual(values);
    });
  });
}

describe('a map that its readers normalise', () => {
  it('is written out where bindings are too small for the kernels that normalise', async () => {
    const reader: Reader = (tape, x, w) => conv2dUpsampled(tape, maxPool2d(tape, conv2d(tape, x, w(4, 3, 3, 3), null, { padding: 1 }), { kernelSize: 2 }), w(4, 4, 3, 3), null, { scale: 2 }); // prettier-ignore
    const shape = { n: 1, channels: 3, height: 8, width: 8 };
    const [expected, found] = [await run(smallBindings, shape, written, reader), await run(smallBindings, shape, onRead, reader)];
    for (const [i, values] of expected.entries()) expect(found[i]).toEqual(values);
  });

  it('lies side by side with others in one buffer, which a convolution reads in one go', () => {
    const device = devices[0]![1];
    const recorder = new Recorder(device);
    const tape = new Tape(recorder);
    const x = device.tensor('NCHW', [1, 2, 8, 8]);
    const vectors = { weight: device.tensor('C', [4]), bias: device.tensor('C', [4]), runningMean: device.tensor('C', [4]), runningVar: device.tensor('C', [4]) }; // prettier-ignore
    const maps = sideBySide(tape, x, [4, 4], { height: 8, width: 8 }).map((into) => {
      const z = conv2d(tape, x, device.tensor('OIHW', [4, 2, 3, 3]), null, { padding: 1, into });
      return batchNormOnRead(tape, z, vectors, { training: true });
    });
    const joined = concat(tape, maps);
    expect(joined.pending).toBe(true);
    expect(joined.blocks).toHaveLength(1);
    const before = recorder.dispatches.length;
    conv2d(tape, joined, device.tensor('OIHW', [4, 8, 3, 3]), null, { padding: 1 });
    expect(recorder.dispatches.slice(before).filter(({ shader }) => shader.name.startsWith('conv2d3x3'))).toHaveLength(1);
  });

  it('is written out once, however many readers need it so', () => {
    const device = devices[0]![1];
    const tape = new Tape(new Recorder(device));
    const vectors = { weight: device.tensor('C', [2]), bias: device.tensor('C', [2]), runningMean: device.tensor('C', [2]), runningVar: device.tensor('C', [2]) }; // prettier-ignore
    const x = batchNormOnRead(tape, device.tensor('NCHW', [1, 2, 4, 4]), vectors, { training: false });
    expect(settled(tape, x)).toBe(settled(tape, x));
    expect(settled(new Tape(new Recorder(device)), x)).not.toBe(settled(tape, x));
  });

  it('is refused by operations that read memory as it is', async () => {
    const device = devices[0]![1];
    const tape = new Tape(new Recorder(device));
    const vectors = { weight: device.tensor('C', [2]), bias: device.tensor('C', [2]), runningMean: device.tensor('C', [2]), runningVar: device.tensor('C', [2]) }; // prettier-ignore
    const plain = device.tensor('NCHW', [1, 2, 4, 4]);
    const x = batchNormOnRead(tape, plain, vectors, { training: false });
    expect(() => add(tape, [x, x])).toThrow(/still to be normalised/);
    expect(() => channelConcat([plain, x])).toThrow(/still to be normalised/);
    await expect(device.read(x)).rejects.toThrow(/still to be normalised/);
  });
});
