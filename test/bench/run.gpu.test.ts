import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bceWithLogits } from '../../src/autograd/ops/bce-with-logits.js';
import { weightedSum } from '../../src/autograd/ops/weighted-sum.js';
import type { ShapedArray } from '../../src/autograd/parameters.js';
import { Tape } from '../../src/autograd/tape.js';
import { dumpWgsl } from '../../src/bench/dump-wgsl.node.js';
import { seededInputs } from '../../src/bench/inputs.js';
import { measureMemory } from '../../src/bench/memory.js';
import { residentBytes } from '../../src/bench/resident.node.js';
import type { Row } from '../../src/bench/row.js';
import { runEntries } from '../../src/bench/run.js';
import type { NamedArrays } from '../../src/bench/runnable.js';
import { serve } from '../../src/bench/serve.js';
import { entriesOf, filterEntries, findWorkload, groupEntries } from '../../src/bench/suite.js';
import { NETWORK_S, type Workload } from '../../src/bench/workloads.js';
import { SHIPPED_MODEL } from '../../src/detect/shipped-model.node.js';
import { readWholeFile } from '../../src/files.node.js';
import * as reference from '../../src/kernels/reference/conv2d.js';
import { Network } from '../../src/model/network.js';
import { unet3plus, upsampleHeads } from '../../src/model/unet3plus.js';
import { openNodeDevice } from '../../src/runtime/gpu.node.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { testDevice } from '../support/gpu.js';
import { SOMEWHERE, tiny } from './tiny.js';

const device = await testDevice({ preciseTimestamps: true });
const adapter = process.env.MCGPU_ADAPTER;
const context = { device, modelFile: () => readWholeFile(SHIPPED_MODEL) };
const memoryContext = { ...context, open: () => openNodeDevice(adapter === undefined ? {} : { adapter }), residentBytes };
const calibration = { copyBytes: 2 ** 16, invocations: 256, leastMs: 0.1 };

async function measured(
  workload: Workload,
  options: { profile?: boolean } = {},
): Promise<{ rows: Row[]; outputs: Map<string, ShapedArray>; inputs: NamedArrays }> {
  const inputs = seededInputs(workload);
  const outputs = new Map<string, ShapedArray>();
  const rows = await runEntries(entriesOf(workload, inputs), context, {
    openMs: 1,
    environment: SOMEWHERE,
    reps: 3,
    cpuMs: () => process.cpuUsage().user / 1000,
    outputs,
    calibration,
    ...options,
  });
  return { rows, outputs, inputs };
}

function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).reduce((worst, e, i) => Math.max(worst, Math.abs((actual[i] ?? NaN) - e)), 0);
}

describe('a measured workload', () => {
  it.each(['T', 'I', 'M', 'C-T', 'C-I'])('%s gives rows with every field, and frees what it took', async (name) => {
    await measured(tiny(name)); // leaves staging buffers for the next reading of the same sizes
    const before = device.allocatedBytes;
    const { rows } = await measured(tiny(name));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).toMatchObject({ workload: name, reps: 3, ...SOMEWHERE });
      const { medianMs, minMs, p90Ms, firstMs, gpuBytesPeak, jsMsPerStep, cpuMsPerStep, dispatches } = row;
      for (const figure of [medianMs, minMs, p90Ms, firstMs, gpuBytesPeak, jsMsPerStep, dispatches]) expect(figure).toBeGreaterThan(0);
      expect(cpuMsPerStep).toBeGreaterThanOrEqual(0);
      expect(minMs).toBeLessThanOrEqual(medianMs);
      expect(medianMs).toBeLessThanOrEqual(p90Ms);
      expect(jsMsPerStep).toBeLessThan(p90Ms);
      expect(row.jsMinMs).toBeLessThanOrEqual(jsMsPerStep ?? NaN);
      expect(row.jsP90Ms).toBeGreaterThanOrEqual(jsMsPerStep ?? NaN);
    }
    expect(device.allocatedBytes).toBe(before);
  });

  it('C-full gives probabilities of every pixel, and no dispatches of one program', async () => {
    const { rows, outputs } = await measured(tiny('C-full'));
    expect(rows[0]).toMatchObject({ op: 'detect', dispatches: null, jsMsPerStep: null });
    expect(outputs.get('probabilities')?.data.every((p) => p >= 0 && p <= 1)).toBe(true);
  });

  it('in profile mode tells the share of every kernel', async () => {
    const { rows } = await measured(tiny('I'), { profile: true });
    const timeline = rows[0]?.timeline ?? [];
    expect(timeline.reduce((sum, { count }) => sum + count, 0)).toBe(rows[0]?.dispatches);
    expect(timeline.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(rows[0]?.gpu?.medianMs).toBeGreaterThan(0);
  });

  it('whose operations declare their work are rated against the peaks of this run', async () => {
    const { rows } = await measured(tiny('M'));
    for (const { rates } of rows) {
      expect(rates?.fmaGflops).toBeGreaterThan(0);
      expect(rates?.gflops).toBeCloseTo((rates?.shareOfPeak ?? 0) * (rates?.fmaGflops ?? 0), 6);
      expect(rates?.gbps).toBeCloseTo((rates?.shareOfCopy ?? 0) * (rates?.copyGbps ?? 0), 6);
    }
  });
});

describe('the outputs of', () => {
  it('M are those of float64 arithmetic', async () => {
    const { outputs, inputs } = await measured(tiny('M'));
    const host = (name: string): Float64Array => Float64Array.from(inputs.get(name)?.data ?? []);
    const shape: reference.ConvShape = {
      n: 1,
      inChannels: 4,
      outChannels: 4,
      height: 16,
      width: 16,
      kernelHeight: 3,
      kernelWidth: 3,
      stride: 1,
      padding: 1,
      dilation: 1,
    };
    const expected = {
      'y.conv3x3': reference.conv2d(host('x'), host('weight'), host('bias'), shape),
      'y.conv3x3-grad-input': reference.conv2dGradInput(host('weight'), host('dy'), shape),
      'y.conv3x3-grad-weight': reference.conv2dGradWeight(host('x'), host('dy'), shape),
    };
    for (const [name, y] of Object.entries(expected)) expect(maxDifference(outputs.get(name)?.data ?? [], y), name).toBeLessThan(1e-4);
    expect(outputs.get('y')).toBe(outputs.get('y.conv3x3'));
    expect(outputs.get('y.bilinear-x4')?.shape).toEqual([1, 4, 16, 16]);
    expect(outputs.get('y.max-pool-2')?.shape).toEqual([1, 4, 8, 8]);
  });

  it('T are the loss and the gradients of the first step', async () => {
    const workload = tiny('T');
    const { outputs, inputs } = await measured(workload);
    const model = unet3plus(NETWORK_S);
    const network = new Network(device, model, 'train');
    network.load(new Map([...inputs].filter(([name]) => name !== 'x' && name !== 'target').map(([name, { data }]) => [name, data])));
    const tape = new Tape(new Recorder(device));
    const pass = network.pass(tape);
    const tensor = (name: string) => device.tensor('NCHW', inputs.get(name)?.shape ?? [], inputs.get(name)?.data, name);
    const target = tensor('target');
    const terms = upsampleHeads(pass, model.forward(pass, tensor('x')).heads).map((logits) => bceWithLogits(tape, logits, target));
    const { total } = weightedSum(
      tape,
      terms,
      terms.map(() => 0.2),
    );
    tape.recorder.keep(total);
    tape.backward(total, device.tensor('', [], [1]));
    const program = await tape.recorder.compile();
    program.run();
    expect(terms).toHaveLength(5);
    expect(outputs.get('loss')?.data).toEqual(await device.read(total));
    for (const { name } of model.layers.parameters) {
      expect(outputs.get(`grad.${name}`)?.data, name).toEqual(await device.read(network.store.get(name).gradient));
    }
    program.destroy();
    network.destroy();
  });

  it('I are the logits of the finest head', async () => {
    const { outputs } = await measured(tiny('I'));
    expect(outputs.get('logits')?.shape).toEqual([1, 3, 32, 32]);
  });
});

describe('the kernels', () => {
  it('are all recorded with their declared work', async () => {
    const small = filterEntries(groupEntries('kernels'), '4x16x16|64->64|adam|relu|max pool');
    const rows = await runEntries(small, context, { openMs: 0, environment: SOMEWHERE, reps: 1, calibration });
    expect(rows).toHaveLength(small.length);
    for (const { rates, op } of rows) expect(rates?.shareOfRoof, op).toBeGreaterThan(0);
  });

  it.runIf(device.halfPrecision)('run on maps of half precision, which are half the bytes', async () => {
    const small = filterEntries(groupEntries('kernels'), '^kernels (adam|relu|max pool 8 grad|conv3x3 8->2 4x16x16 forward)');
    const bytes = async (precision: 'f32' | 'f16'): Promise<number[]> => {
      const environment = { ...SOMEWHERE, precision };
      const rows = await runEntries(small, { ...context, precision }, { openMs: 0, environment, reps: 1, calibration });
      return rows.map(({ rates }) => rates?.bytes ?? NaN);
    };
    const [full, half] = [await bytes('f32'), await bytes('f16')];
    const weights = 4 * 8 * 2 * 9;
    const codes = 4 * 16 * 16 ** 2;
    const others = small.map(({ operation: { name } }) => (name.startsWith('conv') ? weights : name.startsWith('max') ? codes : 0));
    expect(half).toEqual(full.map((b, i) => (small[i]?.operation.name.startsWith('adam') ? b : (b + others[i]!) / 2)));
  });
});

describe('memory', () => {
  it('is live <= allocated, and planned < naive', async () => {
    const [row] = await measureMemory(entriesOf(tiny('T')), memoryContext, SOMEWHERE);
    expect(row?.liveBytes).toBeGreaterThan(0);
    expect(row?.liveBytes).toBeLessThanOrEqual(row?.allocatedBytes ?? 0);
    expect(row?.plannedPeakBytes).toBeLessThan((row?.naiveBytes ?? 0) / 2);
  });

  it.runIf(residentBytes(device) !== null).each(['I', 'C-T'])('of %s is what the process grows by, within a twentieth', async (name) => {
    const [row] = await measureMemory(entriesOf(findWorkload(name)), memoryContext, SOMEWHERE);
    const grown = (row?.residentBytes ?? NaN) / (row?.allocatedBytes ?? NaN);
    expect(grown).toBeGreaterThan(0.95);
    expect(grown).toBeLessThan(1.05);
    expect(row?.driverBytes).toBeGreaterThan(0);
  });

  it.runIf(device.halfPrecision).each(['T', 'IL'])('of maps of half precision is about half in %s', async (name) => {
    const bytes = async (precision: 'f32' | 'f16'): Promise<number> => {
      const [row] = await measureMemory(
        entriesOf(findWorkload(name)),
        { ...memoryContext, residentBytes: () => null, precision },
        SOMEWHERE,
      );
      return row?.plannedPeakBytes ?? NaN;
    };
    expect((await bytes('f16')) / (await bytes('f32'))).toBeLessThan(0.6);
  });

  it.each(['T', 'I', 'M', 'C-T', 'C-I', 'C-full'])('%s refuses a budget below its minimum and says the minimum', async (name) => {
    const run = runEntries(
      entriesOf(tiny(name)),
      { ...context, memoryBudgetBytes: 1000 },
      { openMs: 0, environment: SOMEWHERE, calibration },
    );
    await expect(run).rejects.toThrow(/Use --memory-budget \d+MB or more/);
  });
});

describe('serving', () => {
  it('answers every repetition, unknown requests in words, and hands the outputs over before it is done', async () => {
    const replies: object[] = [];
    const kept: string[] = [];
    async function* lines(): AsyncGenerator<string> {
      yield 'rep conv3x3';
      yield 'rep nothing';
      yield 'end';
    }
    const workload = tiny('M');
    await serve(workload, { ...context, inputs: seededInputs(workload) }, 1, SOMEWHERE, {
      lines: lines(),
      print: (reply) => replies.push(reply),
      keep: async (outputs) => {
        kept.push(...outputs.keys());
        expect(replies).toHaveLength(7);
      },
    });
    expect(replies.slice(0, 5)).toEqual(
      Array.from({ length: 5 }, () => expect.objectContaining({ firstMs: expect.any(Number) as number }) as object),
    );
    expect(replies.slice(5)).toEqual([
      { op: 'conv3x3', ms: expect.any(Number) as number },
      { op: 'nothing', error: expect.stringContaining('unknown request "rep nothing"') as string },
      { done: true, gpuBytesPeak: expect.any(Number) as number, version: '0.0.0', adapter: 'test adapter' },
    ]);
    expect(kept).toContain('y.max-pool-2');
  });
});

describe('--dump-wgsl', () => {
  it('writes what the driver got: required files, and the values of the overrides', async () => {
    await measured(tiny('M'));
    const folder = mkdtempSync(join(tmpdir(), 'mcgpu-wgsl-'));
    const files = await dumpWgsl(device, folder);
    expect(files).toContain('bilinearStrips.wgsl');
    const text = readFileSync(join(folder, 'bilinearStrips.wgsl'), 'utf8');
    expect(text).toMatch(/^\/\/ override WG = \d+$/m);
    expect(text).toContain('shaders/lib/bilinear.wgsl');
    expect(text).toContain('fn main(');
  });
});
