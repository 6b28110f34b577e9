import { describe, expect, it } from 'vitest';
import { relu } from '../../src/autograd/ops/relu.js';
import { ParameterStore } from '../../src/autograd/parameters.js';
import { Tape } from '../../src/autograd/tape.js';
import { UserError } from '../../src/errors.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();
const specs = [
  { name: 'conv.weight', axes: 'OIHW', shape: [2, 3, 1, 5] },
  { name: 'conv.bias', axes: 'C', shape: [2] },
  { name: 'gain', axes: '', shape: [] },
];
const bufferSpecs = [{ name: 'bn.running_mean', axes: 'C', shape: [65] }];
const values = (): Map<string, Float32Array> =>
  new Map([
    ['conv.weight', Float32Array.from({ length: 30 }, (_, i) => i - 12)],
    ['conv.bias', Float32Array.of(7, 8)],
    ['gain', Float32Array.of(0.5)],
    ['bn.running_mean', Float32Array.from({ length: 65 }, (_, i) => i / 8)],
  ]);

describe('parameter store', () => {
  it('gives back what was loaded, by name', async () => {
    const store = new ParameterStore(device, specs, bufferSpecs);
    expect([store.parameterCount, store.bufferCount]).toEqual([33, 65]);
    store.load(values());
    expect(await store.read()).toEqual(values());
    expect(await device.read(store.get('conv.bias'))).toEqual(Float32Array.of(7, 8));
    expect(await device.read(store.buffer('bn.running_mean'))).toEqual(values().get('bn.running_mean'));
  });

  it('lays every tensor at a bindable offset and leaves zeros between', async () => {
    const store = new ParameterStore(device, specs, bufferSpecs);
    store.load(values());
    expect(specs.map((s) => store.get(s.name).buffer.offsetBytes)).toEqual([0, 256, 512]);
    const flat = await device.read(store.weights);
    expect(flat.length).toBe(192);
    expect([...flat.subarray(30, 64), ...flat.subarray(66, 128), ...flat.subarray(129)].every((v) => v === 0)).toBe(true);
    expect(store.unflatten(flat).get('gain')).toEqual(Float32Array.of(0.5));
    expect(store.flatten(store.unflatten(flat))).toEqual(flat);
  });

  it('takes gradients at the place of their parameter', async () => {
    const store = new ParameterStore(device, specs, bufferSpecs);
    store.load(values());
    const tape = new Tape(new Recorder(device));
    const y = relu(tape, store.get('conv.weight'));
    tape.backward(
      y,
      device.tensor(
        'OIHW',
        y.shape,
        Float32Array.from({ length: 30 }, () => 3),
      ),
    );
    const program = await tape.recorder.compile();
    program.run();
    const expected = Float32Array.from({ length: 192 }, (_, i) => (i > 12 && i < 30 ? 3 : 0));
    expect(await device.read(store.gradients)).toEqual(expected);
    program.destroy();
    store.destroy();
  });

  it('needs no memory for gradients that nobody asks for', () => {
    const before = device.allocatedBytes;
    const store = new ParameterStore(device, specs, bufferSpecs, { gradients: false });
    expect(device.allocatedBytes - before).toBe(4 * (192 + 128));
    store.destroy();
    expect(device.allocatedBytes).toBe(before);
  });

  it('knows to which parameter each 64 elements belong', () => {
    const store = new ParameterStore(device, specs, bufferSpecs);
    expect(store.perBlock((s) => s.shape.length)).toEqual(Float32Array.of(4, 1, 0));
  });

  const cases: [string, (v: Map<string, Float32Array>) => void, RegExp][] = [
    ['a missing tensor', (v) => v.delete('conv.bias'), /missing: conv\.bias\..*Expected 4 tensors/],
    ['a foreign tensor', (v) => v.set('fc.weight', Float32Array.of(1)), /unexpected: fc\.weight/],
    ['another size', (v) => v.set('conv.bias', new Float32Array(3)), /another shape: conv\.bias \(3 numbers, expected C 2\)/],
    ['a NaN', (v) => v.set('gain', Float32Array.of(NaN)), /not finite: gain/],
    ['an infinite running statistic', (v) => v.set('bn.running_mean', new Float32Array(65).fill(Infinity)), /not finite: bn\.running_mean/],
  ];
  for (const [what, spoil, message] of cases) {
    it(`refuses ${what} by name and changes nothing`, async () => {
      const store = new ParameterStore(device, specs, bufferSpecs);
      store.load(values());
      const spoilt = values();
      spoil(spoilt);
      expect(() => store.load(spoilt)).toThrow(UserError);
      expect(() => store.load(spoilt)).toThrow(message);
      expect(await store.read()).toEqual(values());
    });
  }

  it('refuses another shape of the same size, and takes [1] for a scalar', () => {
    const store = new ParameterStore(device, specs, bufferSpecs);
    const shaped = new Map(
      [...values()].map(([name, data]) => [name, { shape: [...specs, ...bufferSpecs].find((s) => s.name === name)?.shape ?? [], data }]),
    );
    shaped.set('gain', { shape: [1], data: Float32Array.of(2) });
    store.load(shaped);
    shaped.set('conv.weight', { shape: [2, 3, 5, 1], data: new Float32Array(30) });
    expect(() => store.load(shaped)).toThrow(/conv\.weight \(2x3x5x1, expected OIHW 2x3x1x5\)/);
  });

  it('refuses names that occur twice and names the ones it has', () => {
    expect(() => new ParameterStore(device, specs, specs)).toThrow(/conv\.weight occurs twice/);
    const store = new ParameterStore(device, specs, bufferSpecs);
    expect(() => store.get('stem')).toThrow(/no stem; there are conv\.weight, conv\.bias, gain/);
    expect(() => store.buffer('gain')).toThrow(/no buffer gain; there are bn\.running_mean/);
  });
});
