import { describe, expect, it } from 'vitest';
import { conv2d } from '../../src/autograd/ops/conv2d.js';
import { Tape } from '../../src/autograd/tape.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot } from '../support/gradient.js';
import { moved } from '../support/split.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import * as reference from '../../src/kernels/reference/conv2d.js';
import { convBounds, convCases, convData, convInputs, describeConv, runConv, runPlainConv, type ConvCase } from './conv2d.cases.js';

const device = await testDevice();
// Only kernels that any WebGPU can run.
const portable = await testDevice({ portable: true });
// One or a few channels per buffer; below 64 KiB there is no room for packed weights, so that the plain kernels run.
const splitDevices = [await testDevice({ maxBindingBytes: 20480 }), await testDevice({ maxBindingBytes: 70000 })];

describeGolden('conv2d against PyTorch', () => {
  for (const name of listGolden('ops', 'conv2d_')) {
    const golden = loadGolden(name);
    const { stride, padding, dilation, groups } = golden.params as Record<string, number>;
    it(`${golden.case}, forward and all gradients`, async () => {
      const axes = { x: 'NCHW', weight: 'OIHW', bias: 'C' } as const;
      const names = (['x', 'weight', 'bias'] as const).filter((key) => golden.has(`in.${key}`));
      const inputs = Object.fromEntries(
        names.map((key) => [key, { axes: axes[key], shape: golden.shape(`in.${key}`), data: golden.f32(`in.${key}`) }]),
      );
      const options = { stride: stride ?? 1, padding: padding ?? 0, dilation: dilation ?? 1, groups: groups ?? 1 };
      const result = await runOp(
        device,
        inputs,
        (tape, t) => conv2d(tape, t.x as Tensor<'NCHW'>, t.weight as Tensor<'OIHW'>, (t.bias ?? null) as Tensor<'C'> | null, options),
        golden.f32('in.dy'),
      );
      expect(result.shape).toEqual(golden.shape('out.y'));
      golden.expectClose('out.y', result.y);
      for (const key of names) golden.expectClose(`grad.${key}`, result.grads[key] ?? []);
    });
  }
});

describe('conv2d', () => {
  for (const c of convCases) {
    it(`equals the float64 reference, forward and all gradients, at ${describeConv(c)}`, async () => {
      const data = convData(c);
      const bounds = convBounds(c, data);
      for (const on of [device, portable]) {
        const result = await runConv(on, c, data);
        for (const [name, { expected, each }] of Object.entries(bounds))
          expectClose(result[name as keyof typeof result], expected, { each }, name);
      }
    });
  }

  it('gives the same where maps are split over several buffers', async () => {
    for (const c of convCases.filter((k) => k.inChannels * k.outChannels >= 17 && k.inChannels <= 65)) {
      const data = convData(c);
      const bounds = convBounds(c, data);
      for (const split of splitDevices) {
        const result = await runConv(split, c, data, moved);
        for (const [name, { expected, each }] of Object.entries(bounds)) {
          expectClose(result[name as keyof typeof result], expected, { each }, `${describeConv(c)} ${name}`);
        }
      }
    }
  });

  it('equals the reference with the plain kernels too where it has fast ones', async () => {
    for (const c of convCases.filter((k) => k.stride === 1 || k.kernelHeight === 1)) {
      const data = convData(c);
      const bounds = convBounds(c, data);
      const result = await runPlainConv(device, c, data);
      for (const [name, { expected, each }] of Object.entries(bounds)) {
        expectClose(result[name as keyof typeof result], expected, { each }, `${describeConv(c)} ${name}`);
      }
    }
  });

  it('gives the same bits on two runs', async () => {
    // A fast 3x3, a dilated and a fast 1x1 one, each of many tiles.
    for (const c of convCases.filter((k) => k.height * k.width > 500)) {
      const data = convData(c);
      expect(await runConv(device, c, data)).toEqual(await runConv(device, c, data));
    }
  });

  it('applies a ReLU to the sum over all input channels, with and without gradients, in one buffer and in several', async () => {
    for (const c of convCases.filter((k) => k.inChannels >= 9 && k.inChannels <= 65 && k.height > 4)) {
      const data = convData(c);
      const inputs = convInputs(c, data);
      const op = (tape: Tape, t: Record<string, Tensor>): Tensor =>
        conv2d(tape, moved(tape, t.x as Tensor<'NCHW'>), t.weight as Tensor<'OIHW'>, t.bias as Tensor<'C'>, { ...c, relu: true });
      const { expected, each } = convBounds(c, data).y;
      const rectified = expected.map((v) => Math.max(v, 0));
      for (const on of [device, ...splitDevices]) {
        const inferred = await runOp(on, inputs, op);
        expectClose(inferred.y, rectified, { each }, describeConv(c));
        expect((await runOp(on, inputs, op, data.dy)).y).toEqual(inferred.y);
      }
    }
  });

  it('names what does not fit', () => {
    const tape = new Tape(new Recorder(device));
    const x = tape.empty('NCHW', [1, 8, 5, 5], 'x');
    expect(() => conv2d(tape, x, tape.empty('OIHW', [8, 1, 3, 3]), null)).toThrow(
      /8 channels, weight takes 1 in 1 group\(s\) .*Give weight I = channels of x \/ groups/,
    );
    expect(() => conv2d(tape, x, tape.empty('OIHW', [4, 8, 3, 3]), tape.empty('C', [3]))).toThrow(/bias has 3 entries, weight 4 output/);
    expect(() => conv2d(tape, x, tape.empty('OIHW', [4, 8, 7, 7]), null)).toThrow(/kernel does not fit/);
    expect(() => conv2d(tape, x, tape.empty('OIHW', [4, 8, 3, 3]), null, { stride: 0 })).toThrow(/stride 0/);
    expect(() => conv2d(tape, x, tape.empty('OIHW', [6, 2, 3, 3]), null, { groups: 4 })).toThrow(/4 groups, .* divides the 6 output/);
  });
});

describe.each([1, 2])('the float64 reference of conv2d of %i group(s)', (groups) => {
  const c: ConvCase = {
    n: 2,
    inChannels: 2,
    outChannels: 4,
    height: 5,
    width: 4,
    kernelHeight: 3,
    kernelWidth: 2,
    stride: 2,
    padding: 1,
    dilation: 2,
    groups,
  };
  const data = convData(c);
  const [x, weight, bias, dy] = [data.x, data.weight, data.bias, data.dy].map((a) => Float64Array.from(a)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const loss = (): number => dot(reference.conv2d(x, weight, bias, c), dy);

  it('has the gradients that central differences give', () => {
    const gradients = [reference.conv2dGradInput(weight, dy, c), reference.conv2dGradWeight(x, dy, c), reference.conv2dGradBias(dy, c)];
    for (const [k, input] of [x, weight, bias].entries()) {
      for (let i = 0; i < input.length; i++) {
        const value = input[i] ?? 0;
        input[i] = value + 0.5; // the loss is linear in each input: any step gives the exact difference
        const above = loss();
        input[i] = value - 0.5;
        const below = loss();
        input[i] = value;
        expect(gradients[k]?.[i]).toBeCloseTo(above - below, 10);
      }
    }
  });
});

describe('the gradients of conv2d', () => {
  it('are the adjoints of the forward pass: <conv(x), dy> = <x, dx> = <weight, dw>', async () => {
    for (const c of convCases) {
      const data = convData(c);
      const { y, dx, dw } = await runConv(device, c, { ...data, bias: data.bias.map(() => 0) });
      const scale = Math.sqrt(dot(y, y) * dot(data.dy, data.dy));
      const forward = dot(y, data.dy);
      expect(Math.abs(forward - dot(data.x, dx))).toBeLessThan(1e-6 * scale);
      expect(Math.abs(forward - dot(data.weight, dw))).toBeLessThan(1e-6 * scale);
    }
  });
});
