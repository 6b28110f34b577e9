import { describe, expect, it, vi } from 'vitest';
import { CONV_1X1, CONV_3X3, CONV_3X3_GRAD_WEIGHT, candidatesHere, type Tunable } from '../../src/kernels/tunable.js';
import { tuneOp, tuningOrigin, TUNABLES, useTuning } from '../../src/kernels/tune.js';
import { Tuning, tuningKey, type Ask } from '../../src/runtime/tuning.js';
import { convBounds, convCases, convData, describeConv, runConv } from '../autograd/conv2d.cases.js';
import { expectClose } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

/** One that every kernel can compute. */
const SHAPE = { images: 1, inChannels: 8, outChannels: 8, height: 16, width: 16 };

/** A table that has the same choice for everything. */
class Always extends Tuning {
  constructor(private readonly name: string) {
    super();
  }

  override choose(ask: Ask, names: readonly [string, ...string[]]): string {
    super.choose(ask, names);
    return names.includes(this.name) ? this.name : names[0];
  }
}

describe('every candidate', () => {
  const cases = convCases.filter(
    (c) =>
      c.kernelHeight === c.kernelWidth && (c.kernelHeight === 1 || c.stride === 1) && c.dilation === 1 && c.n * c.height * c.width >= 100,
  );
  for (const tunable of [CONV_3X3, CONV_3X3_GRAD_WEIGHT, CONV_1X1] as readonly Tunable[]) {
    it.each(candidatesHere(device, tunable, SHAPE))(`of ${tunable.op} equals the float64 reference: %s`, async (name) => {
      const before = device.tuning;
      try {
        device.tuning = new Always(name);
        for (const c of cases.filter((k) => tunable.op.startsWith(`conv${k.kernelHeight}x`))) {
          const data = convData(c);
          const result = await runConv(device, c, data);
          for (const [key, { expected, each }] of Object.entries(convBounds(c, data)))
            expectClose(result[key as keyof typeof result], expected, { each }, `${describeConv(c)} ${key}`);
        }
        expect([...device.tuning.asked.values()].map(({ op }) => op)).toContain(tunable.op);
      } finally {
        device.tuning = before;
      }
    });
  }

  it('that needs subgroups is none on a device without them', async () => {
    const portable = await testDevice({ portable: true });
    for (const tunable of TUNABLES) {
      const names = candidatesHere(portable, tunable, SHAPE);
      expect(
        names.filter((name) => name.includes('subgroup')),
        tunable.op,
      ).toEqual([]);
    }
  });
});

describe('tuneOp', () => {
  const ask: Ask = { op: CONV_3X3.op, shape: { images: 1, inChannels: 4, outChannels: 5, height: 17, width: 13 } };

  it('times every candidate that runs here, and leaves the device as it was', async () => {
    const [before, bytes] = [device.tuning, device.allocatedBytes];
    const { key, usual, choice, medianMs } = await tuneOp(device, ask, 2);
    const names = candidatesHere(device, CONV_3X3, ask.shape);
    expect(key).toBe(tuningKey(ask));
    expect(usual).toBe(names[0]);
    expect(names).toContain(choice);
    expect(Object.keys(medianMs).sort()).toEqual([...names].sort());
    for (const ms of Object.values(medianMs)) expect(ms).toBeGreaterThan(0);
    expect(device.tuning).toBe(before);
    expect(device.allocatedBytes).toBe(bytes);
  });

  it.each(TUNABLES.map(({ op }) => op))('knows how to run %s', async (op) => {
    const shape = { images: 1, inChannels: 40, outChannels: 8, height: 32, width: 32 };
    const { medianMs } = await tuneOp(device, { op, shape }, 1);
    const tunable = TUNABLES.find((t) => t.op === op)!;
    expect(Object.keys(medianMs).sort()).toEqual([...candidatesHere(device, tunable, shape)].sort());
    if (device.subgroups) expect(Object.keys(medianMs).length).toBeGreaterThan(1);
  });

  it.runIf(device.halfPrecision)('times maps of half precision for a key of their own', async () => {
    const made = vi.spyOn(device, 'persistentStorage');
    const { key, medianMs } = await tuneOp(device, { ...ask, maps: 'f16' }, 1);
    expect(key).toBe(tuningKey(ask).replace(/f32$/, 'f16'));
    expect(Object.keys(medianMs).sort()).toEqual([...candidatesHere(device, CONV_3X3, ask.shape)].sort());
    expect(made.mock.calls.map(([, , element]) => element)).toEqual(['f16', 'f16', 'f32']);
    made.mockRestore();
  });

  it('takes fewer rows of maps that exceed a binding', async () => {
    const small = await testDevice({ maxBindingBytes: 70000 });
    const shape = { images: 1, inChannels: 8, outChannels: 8, height: 64, width: 64 };
    const made = vi.spyOn(small, 'persistentStorage');
    await tuneOp(small, { op: CONV_3X3.op, shape }, 1);
    expect(Math.max(...made.mock.calls.map(([, bytes]) => bytes))).toBe(4 * 8 * 34 * 64);
  });

  it('refuses an op without candidates', async () => {
    await expect(tuneOp(device, { ...ask, op: 'relu' })).rejects.toThrow(/relu is not among the ops/);
  });
});

describe('useTuning', () => {
  it('takes the choices that this version knows, and tells of the others', async () => {
    const own = await testDevice();
    const choices = { 'conv1x1 8->8 4096px f32': 'quarter wg32', 'conv3x3 8->8 4096px f32': 'magic', 'pool 8->8 4096px f32': 'wg32' };
    const stored = { schema: 'mcgpu.tuning/1' as const, ...(await tuningOrigin(own)), choices };
    const warnings = await useTuning(own, { stored, name: 't.json' });
    expect([...own.tuning.choices]).toEqual([['conv1x1 8->8 4096px f32', 'quarter wg32']]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/magic.*pool/);
  });
});
