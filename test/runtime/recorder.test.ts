import { describe, expect, it } from 'vitest';
import { relu } from '../../src/kernels/relu.js';
import * as shaders from '../../src/kernels/shaders.gen.js';
import { sum } from '../../src/kernels/sum.js';
import { openNodeDevice } from '../../src/runtime/gpu.node.js';
import { flatGrid, Recorder } from '../../src/runtime/recorder.js';
import { alignBlocks, channelConcat, channelSlice } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice({ maxBindingBytes: 1024 });
const ramp = Float32Array.from({ length: 2 * 6 * 4 * 4 }, (_, i) => i - 90);

describe('recorder', () => {
  it('splits a feature map over several buffers where one binding cannot hold it, and reads it back in order', async () => {
    const r = new Recorder(device);
    const y = r.empty('NCHW', [2, 6, 4, 4]);
    expect(y.blocks.length).toBe(1);
    const large = r.empty('NCHW', [2, 20, 4, 4]);
    expect(large.blocks.map((b) => b.count)).toEqual([8, 8, 4]);
    const x = device.tensor('NCHW', [2, 6, 4, 4], ramp);
    const joined = channelConcat([x, x, x, channelSlice(x, 2, 2)]);
    relu(r, joined, large);
    r.keep(large);
    (await r.compile()).run();
    const got = await device.read(large);
    for (const n of [0, 1]) {
      for (let c = 0; c < 20; c++) {
        const source = c < 18 ? c % 6 : c - 16;
        const expected = ramp.subarray((n * 6 + source) * 16, (n * 6 + source + 1) * 16).map((v) => Math.max(0, v));
        expect(got.subarray((n * 20 + c) * 16, (n * 20 + c + 1) * 16)).toEqual(expected);
      }
    }
  });

  it('says which channel does not fit a binding, and what to do', () => {
    expect(() => new Recorder(device).empty('NCHW', [1, 2, 32, 32], 'features')).toThrow(
      /features 1x2x32x32: one channel takes 0.004 MiB.*smaller batch, patch or tile/,
    );
  });

  it('replays without creating a buffer and gives the same bits each time', async () => {
    const r = new Recorder(device);
    const x = device.tensor('NCHW', [2, 6, 4, 4], ramp);
    const a = r.empty('NCHW', [2, 6, 4, 4]);
    const b = r.empty('NCHW', [2, 6, 4, 4]);
    const c = r.empty('NCHW', [2, 6, 4, 4]);
    relu(r, x, a);
    relu(r, a, b);
    sum(r, [a, b, x], c);
    r.keep(c);
    const program = await r.compile();
    program.run();
    const first = await device.read(c);
    const buffers = device.createdBuffers;
    for (let i = 0; i < 20; i++) program.run();
    expect(await device.read(c)).toEqual(first);
    expect(device.createdBuffers).toBe(buffers);
    expect(first).toEqual(ramp.map((v) => 2 * Math.max(0, v) + v));
  });

  it('frees memory by lifetime: a chain of twenty takes two slots', async () => {
    const r = new Recorder(device);
    let x = device.tensor('NCHW', [2, 6, 4, 4], ramp);
    for (let i = 0; i < 20; i++) {
      const y = r.empty('NCHW', [2, 6, 4, 4]);
      relu(r, x, y);
      x = y;
    }
    const { plan } = await r.compile();
    expect(plan.naiveBytes).toBe(20 * 768);
    expect(plan.peakBytes).toBe(2 * 768);
  });

  it('refuses a budget below the plan, naming both', async () => {
    const r = new Recorder(device);
    relu(r, device.tensor('NCHW', [2, 6, 4, 4], ramp), r.empty('NCHW', [2, 6, 4, 4]));
    await expect(r.compile({ memoryBudgetBytes: 100, label: 'training step' })).rejects.toThrow(
      /training step: the memory plan needs 0.001 MiB, the budget is 0.000 MiB/,
    );
  });

  it('refuses to read what nothing wrote', async () => {
    const r = new Recorder(device);
    relu(r, r.empty('NCHW', [1, 1, 1, 1], 'ghost'), r.empty('NCHW', [1, 1, 1, 1]));
    await expect(r.compile()).rejects.toThrow(/relu: x \(ghost\) is read before anything wrote it/);
  });

  it('points a shader error at the .wgsl line, in the file itself or in a library that it requires', async () => {
    const broken = (from: string, to: string): typeof shaders.relu => ({
      ...shaders.relu,
      name: `broken ${to}`,
      source: shaders.relu.source.replace(from, to),
    });
    await expect(device.pipelines.get(broken('max(f32(x[xBase + p]), 0.0)', 'max(f32(x[xBase + p]), 0u)'), {})).rejects.toThrow(
      /shaders\/relu\.wgsl:\d+:\d+: [^]*max\(f32\(x\[xBase \+ p\]\), 0u\)[^]*\^/,
    );
    await expect(
      device.pipelines.get(
        {
          ...shaders.adam,
          name: 'broken library',
          source: shaders.adam.source.replace('return invocation.y *', 'return nothing *'),
        },
        {},
      ),
    ).rejects.toThrow(/shaders\/lib\/index\.wgsl:3:\d+/);
  });

  for (const [plane, message] of [
    [undefined, /relu: param plane is missing/],
    [-1, /relu: param plane = -1 does not fit an unsigned/],
    [2 ** 32, /relu: param plane = 4294967296 does not fit an unsigned/],
    [1.5, /relu: param plane = 1.5, expected an integer/],
  ] as const) {
    it(`refuses ${plane} for a param`, async () => {
      const r = new Recorder(device);
      const [x, y] = [device.tensor('NCHW', [1, 1, 1, 1], [1]), r.empty('NCHW', [1, 1, 1, 1])];
      const params = { plane: plane!, xChannels: 1, xOffset: 0, yChannels: 1, yOffset: 0 };
      r.dispatch(shaders.relu, { buffers: { x: x.buffer, y: y.buffer }, params, grid: [1, 1, 1] });
      await expect(r.compile()).rejects.toThrow(message);
    });
  }

  it('refuses a grid of more workgroups than WebGPU allows, none, or a part of one', () => {
    const r = new Recorder(device);
    const x = device.tensor('NCHW', [1, 1, 1, 1], [1]).buffer;
    const params = { plane: 1, xChannels: 1, xOffset: 0, yChannels: 1, yOffset: 0 };
    for (const groups of [65536, 0, 1.5]) {
      const dispatch = () => r.dispatch(shaders.relu, { buffers: { x, y: x }, params, grid: [1, groups, 1] });
      expect(dispatch).toThrow(/relu: grid 1x\S+x1; WebGPU allows 1 to 65535 workgroups/);
    }
  });

  it('folds large grids into two dimensions that cover every invocation', () => {
    for (const count of [1, 64, 65, 64 * 65535, 64 * 65535 + 1, 2 ** 31]) {
      const [x, y] = flatGrid(count, 64);
      expect(x).toBeLessThanOrEqual(65535);
      expect(x * y * 64).toBeGreaterThanOrEqual(count);
      expect(x * y * 64 - count).toBeLessThan(64 * (y + 1));
    }
  });

  it('cuts tensors with different block borders into common runs', () => {
    const r = new Recorder(device);
    const a = channelConcat([3, 5, 4].map((c) => r.empty('NCHW', [1, c, 4, 4])));
    const b = channelConcat([8, 4].map((c) => r.empty('NCHW', [1, c, 4, 4])));
    const runs = alignBlocks([a, b]);
    expect(runs.map((run) => [run.firstChannel, run.count])).toEqual([
      [0, 3],
      [3, 5],
      [8, 4],
    ]);
    expect(runs.map((run) => run.blocks.map((k) => [k.offset, k.blockChannels]))).toEqual([
      [
        [0, 3],
        [0, 8],
      ],
      [
        [0, 5],
        [3, 8],
      ],
      [
        [0, 4],
        [0, 4],
      ],
    ]);
  });

  it('does not pile up staging buffers when the sizes read vary', async () => {
    const before = device.allocatedBytes;
    const tensors = Array.from({ length: 40 }, (_, i) => device.tensor('E', [2000 + 100 * i]));
    const own = device.allocatedBytes;
    for (const t of tensors) await device.read(t);
    expect(device.allocatedBytes - own).toBeLessThanOrEqual(16 * 4 * 6000);
    for (const t of tensors) if (t.buffer.storage.buffer) device.destroyBuffer(t.buffer.storage.buffer);
    expect(device.allocatedBytes - before).toBeLessThanOrEqual(16 * 4 * 6000);
  });

  it('throws the error that the device reported at the next await', async () => {
    const own = await openNodeDevice();
    own.gpu.createBuffer({ size: 16, usage: 0x80 | 0x01 });
    await own.gpu.queue.onSubmittedWorkDone();
    await expect(own.idle()).rejects.toThrow(/WebGPU: .*[Uu]sage/);
    own.destroy();
  });
});
