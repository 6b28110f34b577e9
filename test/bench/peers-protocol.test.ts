import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { foldedConvolutions } from '../../bench/peers/lib/fold.mjs';
import { countBuffers } from '../../bench/peers/lib/gpu-memory.mjs';
import { convolutions, forwardS, parameterNames } from '../../bench/peers/lib/network-s.mjs';
import { OnnxGraph } from '../../bench/peers/lib/onnx-model.mjs';
import { servePeer } from '../../bench/peers/lib/protocol.mjs';
import { readTensors, writeTensors } from '../../bench/peers/lib/safetensors.mjs';
import { smallInputs } from '../../bench/peers/lib/small-inputs.mjs';
import { FULL } from '../../src/model/config.js';
import { foldBatchNorms } from '../../src/model/layers.js';
import { floatTensor, readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { unet3plus } from '../../src/model/unet3plus.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mcgpu-peers-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => path.join(folder, `${name}.safetensors`);

const S = unet3plus({
  ...FULL,
  encoder: [8, 16, 32, 64, 128],
  branch: 8,
  fusion: [40, 40, 40, 40],
  segmentationChannels: 3,
  deepSupervision: true,
});

describe('files of the peers', () => {
  it('are read by mcgpu, and mcgpu’s by the peers', () => {
    const tensors = new Map([
      ['b', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['a', { shape: [1], data: Float32Array.of(-0.5) }],
    ]);
    writeTensors(file('peer'), tensors);
    const read = readSafetensors(readFileSync(file('peer')), 'peer');
    expect([...read.tensors].map(([name, { shape, data }]) => [name, shape, [...data]])).toEqual([
      ['a', [1], [-0.5]],
      ['b', [2, 3], [1, 2, 3, 4, 5, 6]],
    ]);
    writeFileSync(
      file('ours'),
      writeSafetensors(new Map([...tensors].map(([name, t]) => [name, floatTensor(t.shape, t.data)])), { k: 'v' }),
    );
    expect(new Map([...readTensors(file('ours'))])).toEqual(tensors);
  });

  it('of another kind are refused', () => {
    writeFileSync(file('short'), 'abc');
    expect(() => readTensors(file('short'))).toThrow('not a safetensors file');
    const data = BigInt64Array.of(1n);
    writeFileSync(file('integers'), writeSafetensors(new Map([['n', { dtype: 'I64', shape: [1], data }]])));
    expect(() => readTensors(file('integers'))).toThrow("tensor 'n' has 8 bytes of I64, expected 4 of F32");
  });
});

describe('network S of the peers', () => {
  it('has the arrays of mcgpu’s, by name and shape', () => {
    const shapes = new Map([...smallInputs('T', { side: 16, batch: 1 })].map(([name, { shape }]) => [name, shape]));
    const { parameters, buffers } = S.layers;
    for (const { name, shape } of [...parameters, ...buffers]) expect([name, shapes.get(name)]).toEqual([name, shape]);
    expect(shapes.size).toBe(parameters.length + buffers.length + 2); // and x, target
    expect(parameterNames().sort()).toEqual(parameters.map(({ name }) => name).sort());
  });

  it('brings every map to its channels and size', () => {
    interface Shape {
      channels: number;
      side: number;
    }
    const layers = new Map(convolutions().map((layer) => [layer.name, layer]));
    const unused = new Set(layers.keys());
    const conv = (x: Shape, name: string): Shape => {
      const layer = layers.get(name);
      expect([name, layer?.inputs]).toEqual([name, x.channels]);
      unused.delete(name);
      return { channels: layer?.outputs ?? 0, side: x.side };
    };
    const ops = {
      conv,
      convBnRelu: conv,
      maxPool: (x: Shape, size: number) => ({ ...x, side: x.side / size }),
      upsample: (x: Shape, factor: number) => ({ ...x, side: x.side * factor }),
      concat: (maps: Shape[]) => {
        expect(new Set(maps.map(({ side }) => side)).size).toBe(1);
        return { channels: maps.reduce((sum, m) => sum + m.channels, 0), side: maps[0]?.side ?? 0 };
      },
    };
    expect(forwardS(ops, { channels: 1, side: 64 }, 5)).toEqual(Array.from({ length: 5 }, () => ({ channels: 3, side: 64 })));
    expect(unused).toEqual(new Set());
  });

  it('folds batch norms as mcgpu does', () => {
    const tensors = smallInputs('I', { side: 16, batch: 1 });
    const expected = foldBatchNorms(new Map([...tensors].map(([name, { data }]) => [name, data])), S.layers.folds);
    for (const [name, { data }] of foldedConvolutions(tensors)) expect([name, data]).toEqual([name, expected.get(name)]);
  });
});

describe('peer protocol', () => {
  const failing = { run: () => Promise.reject(new Error('out of words')), output: () => Promise.resolve(new Map()) };

  async function serve(lines: string[], prepare: (op: string) => typeof failing): Promise<Record<string, unknown>[]> {
    writeTensors(file('in'), smallInputs('M', { side: 8, batch: 1 }));
    const printed: Record<string, unknown>[] = [];
    const channel = { lines, print: (line: object) => void printed.push({ ...line }) };
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const engine = { version: '1', adapter: 'none', gpuBytesPeak: () => 7, prepare };
    await servePeer(['--workload', 'M', '--input', file('in'), '--output', file('out')], () => Promise.resolve(engine), channel);
    return printed;
  }

  it('prints each op’s first run, each repetition and the end, and writes results by op', async () => {
    let runs = 0;
    const printed = await serve(['rep max-pool-2', 'rep max-pool-2', 'end', 'rep conv3x3'], (op) => {
      const run = (): Promise<never> => (runs++, Promise.resolve() as Promise<never>);
      return { run, output: () => Promise.resolve(new Map([['y', { shape: [1], data: Float32Array.of(op.length) }]])) };
    });
    expect(printed.map(({ op, done }) => op ?? done)).toEqual([
      'conv3x3',
      'conv3x3-grad-input',
      'conv3x3-grad-weight',
      'bilinear-x4',
      'max-pool-2',
      'max-pool-2',
      'max-pool-2',
      true,
    ]);
    expect(printed[0]).toEqual({ op: 'conv3x3', firstMs: expect.any(Number) as number, gpuBytesPeak: 7 });
    expect(printed[5]).toEqual({ op: 'max-pool-2', ms: expect.any(Number) as number });
    expect(printed[7]).toEqual({ done: true, gpuBytesPeak: 7, version: '1', adapter: 'none' });
    expect(runs).toBe(7);
    const written = readTensors(file('out'));
    expect(written.get('y')?.data).toEqual(Float32Array.of('conv3x3'.length));
    expect(written.get('y.max-pool-2')?.data).toEqual(Float32Array.of('max-pool-2'.length));
  });

  it('reports a failure in the engine’s words and goes on', async () => {
    const printed = await serve(['rep conv3x3'], (op) => {
      if (op === 'bilinear-x4') throw new Error('no such op');
      return failing;
    });
    expect(printed.slice(3)).toEqual([
      { op: 'bilinear-x4', error: 'no such op' },
      { op: 'max-pool-2', error: 'out of words' },
      { op: 'conv3x3', error: '"rep conv3x3": no such op is ready.' },
      { done: true, gpuBytesPeak: 7, version: '1', adapter: 'none' },
    ]);
  });

  it('reports an engine that is not installed once per op', async () => {
    writeTensors(file('in'), new Map());
    const printed: object[] = [];
    const channel = { lines: [], print: (line: object) => void printed.push(line) };
    const args = ['--workload', 'T', '--input', file('in'), '--output', file('out')];
    await servePeer(args, () => Promise.reject(new Error('Cannot find package')), channel);
    expect(printed).toEqual([
      { op: 'train-step', error: 'Cannot find package' },
      { done: true, gpuBytesPeak: null, version: null, adapter: null },
    ]);
  });

  it('names the workloads where one is unknown', async () => {
    const channel = { lines: [], print: () => expect.unreachable() };
    await expect(servePeer(['--workload', 'X'], () => expect.unreachable(), channel)).rejects.toThrow('"X" is none of T, TL, I, IL, M');
  });
});

it('counts live and peak bytes of GPU buffers, each buffer once', () => {
  class GPUBuffer {
    destroy(): void {
      destroyed++;
    }
  }
  class GPUDevice {
    createBuffer(_descriptor: { size: number }): GPUBuffer {
      return new GPUBuffer();
    }
  }
  let destroyed = 0;
  const count = countBuffers({ GPUDevice, GPUBuffer });
  const device = new GPUDevice();
  const first = device.createBuffer({ size: 100 });
  device.createBuffer({ size: 20 });
  first.destroy();
  first.destroy();
  device.createBuffer({ size: 50 });
  expect(count).toEqual({ live: 70, peak: 120 });
  expect(destroyed).toBe(2);
});

it('writes an ONNX model as the protocol buffers of its specification', () => {
  const graph = new OnnxGraph();
  graph.input('x', [1, 300]);
  graph.node('Relu', ['x'], { axis: 2 }, 'y');
  graph.output('y');
  const text = (value: string): number[] => [...Buffer.from(value)];
  const node = [0x0a, 1, ...text('x'), 0x12, 1, ...text('y'), 0x1a, 1, ...text('y'), 0x22, 4, ...text('Relu')];
  const attribute = [0x2a, 11, 0x0a, 4, ...text('axis'), 0x18, 2, 0xa0, 1, 2];
  const input = [0x0a, 1, ...text('x'), 0x12, 15, 0x0a, 13, 0x08, 1, 0x12, 9, 0x0a, 2, 0x08, 1, 0x0a, 3, 0x08, 0xac, 2];
  const output = [0x0a, 1, ...text('y'), 0x12, 4, 0x0a, 2, 0x08, 1];
  const body = [
    ...[0x5a, input.length, ...input],
    ...[0x0a, node.length + attribute.length, ...node, ...attribute],
    ...[0x62, output.length, ...output],
    ...[0x12, 11, ...text('mcgpu-bench')],
  ];
  expect([...graph.model()]).toEqual([0x08, 8, 0x3a, body.length, ...body, 0x42, 4, 0x0a, 0, 0x10, 17]);
});
