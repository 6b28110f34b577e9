import { describe, expect, it } from 'vitest';
import { batchNormGrad } from '../../src/kernels/batch-norm.js';
import { relu } from '../../src/kernels/relu.js';
import { placed } from '../../src/runtime/in-place.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Storage } from '../../src/runtime/storage.js';
import { Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();
const SHAPE = [2, 3, 5, 7];
const size = SHAPE.reduce((a, b) => a * b);
const wave = (scale: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * scale));

/** dy = relu(an input), dx = the gradient of a batch norm, y = relu(dx); `between` may use dy once more. */
function record(between: (r: Recorder, dy: Tensor<'NCHW'>) => void = () => undefined) {
  const r = new Recorder(device);
  const x = device.tensor('NCHW', SHAPE, wave(0.7));
  const table = device.tensor('CT', [3, 4], [0.1, 1.5, 0.2, 1, 0, 1, 0, 1, -0.2, 0.5, 0.1, 0.4]).buffer;
  const z = new Tensor(x.axes, x.shape, x.blocks.map((block) => ({ ...block, table }))); // prettier-ignore
  const [dy, dx, y] = [r.empty('NCHW', SHAPE), r.empty('NCHW', SHAPE), r.empty('NCHW', SHAPE)];
  const [dweight, dbias] = [device.tensor('C', [3], [1, 2, 3]), device.tensor('C', [3], [3, 2, 1])];
  relu(r, device.tensor('NCHW', SHAPE, wave(1.3)), dy);
  batchNormGrad(r, z, dy, dweight, dbias, dx, { relu: true, training: true });
  between(r, dy);
  relu(r, dx, y);
  r.keep(y);
  return { r, dy, dx, y };
}

const storageOf = (t: Tensor): Storage => t.buffer.storage;

describe('results written over what is read for the last time', () => {
  it('take no memory of their own', () => {
    const { r, dy, y } = record();
    const [, gradient, last] = placed(r.dispatches, new Set([storageOf(y)]));
    expect(gradient?.overrides).toMatchObject({ IN_PLACE: 1 });
    expect(gradient?.buffers.dx?.storage).toBe(storageOf(dy));
    expect(last?.buffers.x?.storage).toBe(storageOf(dy)); // later readers find the result there
    expect(r.plan().naiveBytes).toBe(2 * 4 * size);
  });

  it('are the same numbers', async () => {
    const results: Float32Array[] = [];
    for (const keepOperand of [false, true]) {
      const { r, dy, y } = record();
      if (keepOperand) r.keep(dy);
      const program = await r.compile();
      program.run();
      results.push(await device.read(y));
      program.destroy();
    }
    const [inPlace, apart] = results as [Float32Array, Float32Array];
    expect(Math.max(...apart)).toBeGreaterThan(0.1);
    for (const [i, v] of apart.entries()) expect(Math.abs(v - (inPlace[i] ?? NaN))).toBeLessThan(1e-6);
  });

  it('are written apart where the operand is read later', () => {
    const { r } = record((recorder, dy) => relu(recorder, dy, recorder.empty('NCHW', SHAPE)));
    expect(placed(r.dispatches, new Set()).every(({ overrides }) => overrides.IN_PLACE !== 1)).toBe(true);
  });

  it('are written apart where operand or result is kept', () => {
    for (const kept of ['dy', 'dx'] as const) {
      const recorded = record();
      const dispatches = placed(recorded.r.dispatches, new Set([storageOf(recorded[kept])]));
      expect(dispatches.every(({ overrides }) => overrides.IN_PLACE !== 1)).toBe(true);
    }
  });
});
