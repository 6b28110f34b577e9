import { describe, expect, it } from 'vitest';
import { ParameterStore, type TensorSpec } from '../../src/autograd/parameters.js';
import { UserError } from '../../src/errors.js';
import { Random } from '../../src/random.js';
import type { Device } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Program } from '../../src/runtime/program.js';
import { AdamW, Sgd, type AdamOptions, type SgdOptions } from '../../src/train/optimizer.js';
import { StepState } from '../../src/train/step-state.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();
const splitDevice = await testDevice({ maxBindingBytes: 16384 });

async function compile(optimizer: AdamW | Sgd): Promise<Program> {
  const recorder = new Recorder(optimizer.store.device);
  optimizer.record(recorder);
  return recorder.compile();
}

interface OptimParams {
  readonly kind: 'adam' | 'adamw' | 'sgd';
  readonly betas?: [number, number];
  readonly eps?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weight_decay?: number;
  readonly clipGlobalNorm: number | null;
  readonly noDecayOn1d: boolean;
  readonly steps: number;
}

function build(store: ParameterStore, state: StepState, p: OptimParams): AdamW | Sgd {
  const common = { weightDecay: p.weight_decay ?? 0, noDecayOn1d: p.noDecayOn1d, clipGlobalNorm: p.clipGlobalNorm ?? undefined };
  if (p.kind === 'sgd') return new Sgd(store, state, { ...common, momentum: p.momentum ?? 0, nesterov: p.nesterov ?? false });
  return new AdamW(store, state, { ...common, betas: p.betas ?? [0.9, 0.999], eps: p.eps ?? 1e-8, decoupled: p.kind === 'adamw' });
}

describeGolden('optimizers follow PyTorch', () => {
  for (const name of listGolden('optim').filter((n) => !n.includes('schedule'))) {
    it(name, async () => {
      const golden = loadGolden(name);
      const params = golden.params as unknown as OptimParams;
      const names = [0, 1].map((i) => `p.${i}`);
      const specs = names.map((n): TensorSpec => ({
        name: n,
        axes: 'OI'.slice(0, golden.shape(`in.${n}`).length),
        shape: golden.shape(`in.${n}`),
      }));
      const store = new ParameterStore(device, specs);
      store.load(new Map(names.map((n) => [n, golden.f32(`in.${n}`)])));
      const optimizer = build(store, new StepState(device), params);
      const program = await compile(optimizer);
      const a = golden.f32('in.A');
      const b = golden.f32('in.b');
      const log = { p: names.map((): number[] => []), g: names.map((): number[] => []), norm: [] as number[] };
      let weights = await store.read();
      for (let t = 0; t < params.steps; t++) {
        // Gradient of x'Ax/2 - b'x over the weights one after the other.
        const x = names.flatMap((n) => [...(weights.get(n) ?? [])]);
        const gradient = x.map((_, i) => x.reduce((sum, v, j) => sum + (a[i * x.length + j] ?? 0) * v, -(b[i] ?? 0)));
        let from = 0;
        for (const [i, n] of names.entries()) {
          const part = gradient.slice(from, (from += weights.get(n)?.length ?? 0));
          device.write(store.get(n).gradient, part);
          log.g[i]?.push(...part);
        }
        optimizer.beginStep({ update: t, learningRate: golden.f32('out.lr')[t] ?? NaN });
        program.run();
        log.norm.push((await optimizer.readReport()).norm);
        weights = await store.read();
        for (const [i, n] of names.entries()) log.p[i]?.push(...(weights.get(n) ?? []));
      }
      for (const i of [0, 1]) {
        golden.expectClose(`out.p.${i}`, log.p[i] ?? []);
        golden.expectClose(`out.g.${i}`, log.g[i] ?? []);
      }
      golden.expectClose('out.norm', log.norm);
      program.destroy();
    });
  }
});

const specs: TensorSpec[] = [
  { name: 'a.weight', axes: 'OI', shape: [70, 131] },
  { name: 'a.bias', axes: 'C', shape: [70] },
];
const bufferSpecs: TensorSpec[] = [{ name: 'bn.running_mean', axes: 'C', shape: [5] }];

/** A store with random weights and gradients on a device. */
function prepare(on: Device, seed = 1): { store: ParameterStore; gradients: Float32Array } {
  const random = new Random(seed);
  const store = new ParameterStore(on, specs, bufferSpecs);
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());
  store.load(
    new Map([
      ['a.weight', draw(70 * 131)],
      ['a.bias', draw(70)],
      ['bn.running_mean', draw(5)],
    ]),
  );
  const gradients = store.flatten(
    new Map([
      ['a.weight', draw(70 * 131)],
      ['a.bias', draw(70)],
    ]),
  );
  on.write(store.gradients, gradients);
  return { store, gradients };
}

async function steps(optimizer: AdamW | Sgd, program: Program, from: number, to: number): Promise<void> {
  const { store } = optimizer;
  for (let t = from; t < to; t++) {
    const random = new Random(7, t);
    store.device.write(
      store.gradients,
      store.flatten(
        new Map(specs.map((s) => [s.name, Float32Array.from({ length: s.shape.reduce((p, d) => p * d, 1) }, () => random.normal())])),
      ),
    );
    store.device.write(
      store.buffer('bn.running_mean'),
      Float32Array.from({ length: 5 }, () => random.normal()),
    );
    optimizer.beginStep({ update: t, learningRate: 0.01 });
    program.run();
  }
  await store.device.idle();
}

const everything: AdamOptions & SgdOptions = { weightDecay: 0.1, noDecayOn1d: true, clipGlobalNorm: 0.5, emaDecay: 0.9 };

describe('optimizer', () => {
  it('gives the norm of all gradients, the same in one binding and in several', async () => {
    const norms: number[] = [];
    for (const on of [device, splitDevice]) {
      const { store, gradients } = prepare(on);
      const optimizer = new AdamW(store, new StepState(on), everything);
      const program = await compile(optimizer);
      optimizer.beginStep({ update: 0, learningRate: 0.01 });
      program.run();
      const report = await optimizer.readReport();
      const expected = Math.sqrt(gradients.reduce((sum, g) => sum + g * g, 0));
      expect(Math.abs(report.norm - expected)).toBeLessThan(1e-6 * expected);
      expect(report.scale).toBeCloseTo(0.5 / expected, 7);
      expect(report.skipped).toBe(false);
      norms.push(report.norm);
      program.destroy();
    }
    expect(norms[0]).toBe(norms[1]);
  });

  for (const [what, bits] of [
    ['NaN', 0x7fc00001],
    ['a NaN of another pattern', 0xff812345],
    ['infinite', 0x7f800000],
    ['minus infinite', 0xff800000],
    ['so large that its square overflows', 0x7f000000],
  ] as const) {
    for (const make of [AdamW, Sgd]) {
      it(`leaves everything as it was when a gradient is ${what} (${make.name})`, async () => {
        const { store, gradients } = prepare(device);
        const optimizer = new make(store, new StepState(device), everything);
        const program = await compile(optimizer);
        await steps(optimizer, program, 0, 2);
        const before = { weights: await store.read(), state: await optimizer.readState() };
        new Uint32Array(gradients.buffer)[4000] = bits;
        device.write(store.gradients, gradients);
        device.write(store.buffer('bn.running_mean'), new Float32Array(5).fill(NaN));
        optimizer.beginStep({ update: 2, learningRate: 0.01 });
        program.run();
        expect(await optimizer.readReport()).toMatchObject({ skipped: true, skippedUpdates: 1 });
        const after = { weights: await store.read(), state: await optimizer.readState() };
        expect(after.weights).toEqual(before.weights);
        before.state.set('skippedUpdates', { shape: [1], data: Float32Array.of(1) });
        expect(after.state).toEqual(before.state);
        await steps(optimizer, program, 3, 4);
        expect(await optimizer.readReport()).toMatchObject({ skipped: false, skippedUpdates: 1 });
        expect([...(await store.read()).values()].every((v) => v.every(Number.isFinite))).toBe(true);
        program.destroy();
      });
    }
  }

  it('takes the loss scale out of the gradients, so that the update is the same bit for bit', async () => {
    const results = [];
    for (const scale of [1, 2 ** 16]) {
      const { store, gradients } = prepare(device);
      device.write(store.gradients, gradients.map((g) => scale * g)); // prettier-ignore
      const optimizer = new AdamW(store, new StepState(device), { ...everything, lossScaling: { initial: scale, growthInterval: 0 } });
      const program = await compile(optimizer);
      optimizer.beginStep({ update: 0, learningRate: 0.01 });
      program.run();
      const { norm } = await optimizer.readReport();
      results.push({ norm, arrays: await store.read(), state: await optimizer.readState() });
      program.destroy();
    }
    expect(results[1]).toEqual(results[0]);
  });

  it('halves the loss scale after every skipped update and doubles it after so many others, from 1 to 2^24', async () => {
    const { store, gradients } = prepare(device);
    const optimizer = new AdamW(store, new StepState(device), { lossScaling: { initial: 2 ** 23, growthInterval: 3 } });
    const program = await compile(optimizer);
    const scales: number[] = [];
    const step = async (finite: boolean): Promise<void> => {
      device.write(store.gradients, finite ? gradients : gradients.map(() => Infinity));
      optimizer.beginStep({ update: scales.length, learningRate: 0 });
      program.run();
      scales.push(Math.log2((await optimizer.lossScale.read()).scale));
    };
    for (const finite of [true, true, true, true, true, true, false, true, true, false, true, true, true]) await step(finite);
    expect(scales).toEqual([23, 23, 24, 24, 24, 24, 23, 23, 23, 22, 22, 22, 23]);
    for (let i = 0; i < 30; i++) await step(false);
    expect(scales.at(-1)).toBe(0);
    for (let i = 0; i < 3; i++) await step(true);
    expect(await optimizer.lossScale.read()).toEqual({ scale: 2, updatesSinceChange: 0, lastInverse: 1 });
    program.destroy();
  });

  it('resumes with the loss scale and the updates since it changed', async () => {
    const scaled = { ...everything, lossScaling: { initial: 4, growthInterval: 4 } };
    const whole = new AdamW(prepare(device).store, new StepState(device), scaled);
    const program = await compile(whole);
    await steps(whole, program, 0, 6);
    const [weights, state] = [await whole.store.read(), await whole.readState()];
    expect(state.get('lossScale')).toEqual({ shape: [2], data: Float32Array.of(8, 2) });
    const store = prepare(device, 2).store;
    store.load(weights);
    const resumed = new AdamW(store, new StepState(device), scaled);
    resumed.loadState(state);
    await steps(whole, program, 6, 9);
    await steps(resumed, await compile(resumed), 6, 9);
    expect(await resumed.readState()).toEqual(await whole.readState());
    expect(await store.read()).toEqual(await whole.store.read());
  });

  it('averages weights and running statistics alike', async () => {
    const { store } = prepare(device);
    const optimizer = new AdamW(store, new StepState(device), { emaDecay: 0.5 });
    const program = await compile(optimizer);
    const start = await store.read();
    const expected = new Map([...start].map(([name, data]) => [name, Float64Array.from(data)]));
    for (let t = 0; t < 12; t++) {
      await steps(optimizer, program, t, t + 1);
      const decay = Math.min(0.5, (2 + t) / (11 + t));
      for (const [name, data] of await store.read())
        expected.get(name)?.forEach((old, i, all) => (all[i] = decay * old + (1 - decay) * (data[i] ?? NaN)));
    }
    const average = await optimizer.ema?.read();
    for (const [name, data] of expected) data.forEach((v, i) => expect(average?.get(name)?.[i]).toBeCloseTo(v, 5));
    program.destroy();
  });

  for (const make of [AdamW, Sgd]) {
    it(`resumes exactly from its state and repeats itself bit for bit (${make.name})`, async () => {
      const whole = prepare(device).store;
      const optimizer = new make(whole, new StepState(device), everything);
      const program = await compile(optimizer);
      await steps(optimizer, program, 0, 3);
      const weights = await whole.read();
      const state = await optimizer.readState();
      await steps(optimizer, program, 3, 6);

      const resumed = prepare(splitDevice, 2).store;
      resumed.load(weights);
      const second = new make(resumed, new StepState(splitDevice), everything);
      second.loadState(state);
      expect(await second.readState()).toEqual(state);
      const secondProgram = await compile(second);
      await steps(second, secondProgram, 3, 6);
      expect(await resumed.read()).toEqual(await whole.read());
      expect(await second.readState()).toEqual(await optimizer.readState());
    });
  }

  it('refuses the state of another optimizer, and one with tensors missing', async () => {
    const optimizer = new AdamW(prepare(device).store, new StepState(device), everything);
    const sgdState = await new Sgd(prepare(device).store, new StepState(device), everything).readState();
    expect(() => optimizer.loadState(sgdState)).toThrow(UserError);
    expect(() => optimizer.loadState(sgdState)).toThrow(/found velocity\.a\.weight, expected m, v, ema/);
    const state = await optimizer.readState();
    state.delete('v.a.bias');
    expect(() => optimizer.loadState(state)).toThrow(/missing: a\.bias/);
  });

  it('keeps the gaps between parameters at zero', async () => {
    const { store } = prepare(device);
    const optimizer = new AdamW(store, new StepState(device), everything);
    const program = await compile(optimizer);
    await steps(optimizer, program, 0, 5);
    const flat = await device.read(store.weights);
    expect(store.flatten(store.unflatten(flat))).toEqual(flat);
    program.destroy();
  });

  it('sends the seed of a step as 32 bits', async () => {
    const state = new StepState(device);
    state.write({ learningRate: 0.5, update: 3, seed: 0xdeadbeef, biasCorrections: [0.25, 0.125], averageShare: 0.75 });
    expect(new Uint32Array((await device.read(state.seed)).buffer)[0]).toBe(0xdeadbeef);
    expect([...(await device.read(state.numbers))].slice(0, 5)).toEqual([0.5, 0.25, 0.125, 4, 0.75]);
  });
});
