import { describe, expect, it } from 'vitest';
import { msSsimLoss, ssimLoss, type MsSsimOptions } from '../../src/autograd/ops/ssim-loss.js';
import type { Logits } from '../../src/autograd/ops/loss-shapes.js';
import type { Tape } from '../../src/autograd/tape.js';
import { sigmoid } from '../../src/kernels/reference/logistic.js';
import * as reference from '../../src/kernels/reference/ssim.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { expectGoldenLoss, expectLoss, map, runLoss, sizeName, type LossSize } from './losses.cases.js';

const device = await testDevice();

/** The gradient of a window is a + b x + c y, terms up to 2/c2 = 2222 times as large as their sum where the window is flat: they cancel. */
const RELATIVE = 3e-5;

interface Case {
  readonly size: LossSize;
  readonly options: Required<Pick<MsSsimOptions, 'windowSize' | 'sigma'>> & Pick<MsSsimOptions, 'weights'>;
}

const size = (images: number, channels: number, height: number, width: number): LossSize => ({
  images,
  channels,
  height,
  width,
  plane: height * width,
});
const five = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const small: Case = { size: size(2, 1, 9, 11), options: { windowSize: 3, sigma: 0.8, weights: [0.4, 0.6] } };
const cases: readonly Case[] = [
  small,
  { size: size(1, 1, 1, 1), options: { windowSize: 1, sigma: 1, weights: [1] } },
  { size: size(1, 2, 11, 11), options: { windowSize: 11, sigma: 1.5, weights: [1] } },
  { size: size(1, 3, 17, 13), options: { windowSize: 4, sigma: 1, weights: [2, 0.5] } },
  { size: size(2, 2, 65, 64), options: { windowSize: 5, sigma: 1.2, weights: [0.2, 0.3, 0.5] } },
  { size: size(1, 2, 49, 70), options: { windowSize: 3, sigma: 0.5, weights: five } },
];

/** Targets of blobs, and probabilities that follow them, but for noise. */
function draw({ images, channels, height, width, plane }: LossSize, noise = 1): { x: Float32Array; target: Float32Array } {
  const random = new Random(7, plane);
  const target = Float32Array.from({ length: images * channels * plane }, (_, i) => {
    const [row, column] = [Math.floor((i % plane) / width), i % width];
    return Math.sin((9 * row) / height + i / plane) * Math.cos((8 * column) / width) > 0.3 ? 1 : 0;
  });
  return { x: target.map((t) => sigmoid(2.5 * t - 1.5 + noise * random.normal())), target };
}

function inputsOf({ size: s, options }: Case, target: Float32Array): reference.MsSsimInputs {
  const { weights = five, ...window } = options;
  const planes = s.images * s.channels;
  return { ...s, ...window, planes, target: Float64Array.from(target), weights, k1: 0.01, k2: 0.03, dataRange: 1, least: 1e-6 };
}

const asMaps =
  (op: (tape: Tape, x: Tensor<'NCHW'>, target: Tensor<'NCHW'>, options: MsSsimOptions) => Tensor, options: MsSsimOptions) =>
  (tape: Tape, x: Logits, t: Record<string, Tensor>): Tensor =>
    op(tape, x as Tensor<'NCHW'>, t.target as Tensor<'NCHW'>, options);

describe('losses by structural similarity', () => {
  for (const c of cases) {
    const { weights, ...window } = c.options;
    const title = `at ${sizeName(c.size)} with a window of ${window.windowSize}`;

    it(`ssimLoss equals the reference, and repeats itself, ${title}`, async () => {
      const { x, target } = draw(c.size);
      const run = () => runLoss(device, map(c.size, x), { target: map(c.size, target) }, asMaps(ssimLoss, window), 2);
      const result = await run();
      const inputs = inputsOf(c, target);
      const z = Float64Array.from(x);
      expectLoss(
        result,
        reference.ssimLoss(z, inputs),
        reference.ssimLossGrad(z, inputs).map((v) => 2 * v),
        RELATIVE,
      );
      expect(await run()).toEqual(result);
    });

    it(`msSsimLoss equals the reference, and repeats itself, ${title} and ${weights?.length} weights`, async () => {
      const { x, target } = draw(c.size);
      const run = () => runLoss(device, map(c.size, x), { target: map(c.size, target) }, asMaps(msSsimLoss, c.options), 2);
      const result = await run();
      const inputs = inputsOf(c, target);
      const z = Float64Array.from(x);
      expectLoss(
        result,
        reference.msSsimLoss(z, inputs),
        reference.msSsimLossGrad(z, inputs).map((v) => 2 * v),
        RELATIVE,
      );
      expect(await run()).toEqual(result);
    });
  }

  it('have a reference whose gradient is that of central differences', () => {
    const { x, target } = draw(small.size);
    const inputs = inputsOf(small, target);
    const z = Float64Array.from(x);
    const one = Float64Array.of(1);
    expectGradient((v) => Float64Array.of(reference.ssimLoss(v, inputs)), z, one, reference.ssimLossGrad(z, inputs));
    expectGradient((v) => Float64Array.of(reference.msSsimLoss(v, inputs)), z, one, reference.msSsimLossGrad(z, inputs));
  });

  it('keep the digits of small variances beside large means', async () => {
    const { x, target } = draw(small.size);
    const bright = x.map((v) => 100 + v / 10);
    const dark = target.map((v) => 100 + v / 10);
    const options = { ...small.options, k1: 1e-4, k2: 1e-3 };
    const result = await runLoss(device, map(small.size, bright), { target: map(small.size, dark) }, asMaps(msSsimLoss, options));
    const inputs = { ...inputsOf(small, dark), k1: 1e-4, k2: 1e-3 };
    // Variances of 1e-3 beside squares of 1e4 would leave nothing of E[x^2] - E[x]^2 in float32.
    expect(Math.abs(result.loss / reference.msSsimLoss(Float64Array.from(bright), inputs) - 1)).toBeLessThan(1e-4);
  });

  it('are 0, with no gradient, where both maps are equal and flat', async () => {
    const flat = new Float32Array(small.size.plane * 2);
    for (const [op, options] of [[ssimLoss, small.options] as const, [msSsimLoss, small.options] as const]) {
      const { loss, dz } = await runLoss(device, map(small.size, flat), { target: map(small.size, flat) }, asMaps(op, options));
      expect(loss).toBeCloseTo(0, 6);
      expect(dz.every((v) => Math.abs(v) < 1e-6)).toBe(true);
    }
  });

  it('pass no gradient through a level whose mean is negative, as the reference', async () => {
    const { target } = draw(small.size);
    const x = target.map((t) => 0.9 - 0.8 * t);
    const result = await runLoss(device, map(small.size, x), { target: map(small.size, target) }, asMaps(msSsimLoss, small.options));
    const inputs = inputsOf(small, target);
    expect(reference.ssimMeans(Float64Array.from(x), inputs, 'cs').every((v) => v < 0)).toBe(true);
    expectLoss(result, reference.msSsimLoss(Float64Array.from(x), inputs), reference.msSsimLossGrad(Float64Array.from(x), inputs));
  });

  it('refuse maps smaller than the window or its levels, with size found, size needed and the repair', async () => {
    const s = size(1, 1, 128, 160);
    const { x, target } = draw(s);
    const run = (op: typeof msSsimLoss, options: MsSsimOptions) =>
      runLoss(device, map(s, x), { target: map(s, target) }, asMaps(op, options));
    await expect(run(msSsimLoss, {})).rejects.toThrow(
      /msSsimLoss: x is 128x160 px .*expected at least 176x176 px for a window of 11 px on 5 levels\. Take larger maps, or a windowSize of at most 8, or fewer levels/,
    );
    await expect(run(ssimLoss, { windowSize: 129 })).rejects.toThrow(
      /ssimLoss: x is 128x160 px .*expected at least 129x129 px .* on 1 level\. Take larger maps, or a windowSize of at most 128\./,
    );
    await expect(run(msSsimLoss, { weights: [0.5, 0] })).rejects.toThrow(/weights are \[0\.5, 0\], expected 1 to 5 positive numbers/);
    await expect(run(ssimLoss, { sigma: 0 })).rejects.toThrow(/windowSize is 11 and sigma 0, expected/);
  });
});

describeGolden('losses by structural similarity follow PyTorch', () => {
  const kinds = [
    ['loss_ssim_', ssimLoss],
    ['loss_ms_ssim_', msSsimLoss],
  ] as const;
  for (const [prefix, op] of kinds) {
    for (const name of listGolden('ops', prefix)) {
      it(name, async () => {
        const golden = loadGolden(name);
        const p = golden.params as Record<'window' | 'sigma' | 'k1' | 'k2' | 'data_range', number> & { weights?: readonly number[] };
        const { window: windowSize, sigma, k1, k2, data_range: dataRange, weights } = p;
        const options = { windowSize, sigma, k1, k2, dataRange, ...(weights ? { weights } : {}) };
        await expectGoldenLoss(device, golden, ['target'], asMaps(op, options), 'x');
      });
    }
  }
});
