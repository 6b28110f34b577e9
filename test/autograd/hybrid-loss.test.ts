import { describe, expect, it } from 'vitest';
import { hybridLoss, type HybridLossOptions } from '../../src/autograd/ops/hybrid-loss.js';
import { maskedSigmoid } from '../../src/autograd/ops/masked-sigmoid.js';
import type { Logits } from '../../src/autograd/ops/loss-shapes.js';
import type { Tape } from '../../src/autograd/tape.js';
import { focalLoss, focalLossGrad } from '../../src/kernels/reference/focal-loss.js';
import { sigmoid } from '../../src/kernels/reference/logistic.js';
import { overlapLoss, overlapLossGrad } from '../../src/kernels/reference/overlap-loss.js';
import { msSsimLoss, msSsimLossGrad } from '../../src/kernels/reference/ssim.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { drawLoss, expectGoldenLoss, expectLoss, map, runLoss, type LossSize } from './losses.cases.js';

const device = await testDevice();
const size: LossSize = { images: 2, channels: 2, height: 21, width: 18, plane: 21 * 18 };
const msSsim = { windowSize: 3, sigma: 0.7, weights: [0.3, 0.3, 0.4] };
const constants = { k1: 0.01, k2: 0.03, dataRange: 1, least: 1e-6, planes: size.images * size.channels };

/** Logits that follow the target, but for noise: structure correlates, and powers of it have a slope. */
function draw(s: LossSize) {
  const { logits, target, mask } = drawLoss(s);
  return { logits: logits.map((z, i) => z / 3 + 4 * target[i]! - 2), target, mask };
}

const run =
  (options: HybridLossOptions) =>
  (tape: Tape, logits: Logits, t: Record<string, Tensor>): Tensor =>
    hybridLoss(tape, logits as Tensor<'NCHW'>, t.target as Tensor<'NCHW'>, { ...options, mask: t.mask }).total;

/** Focal + MS-SSIM + IoU, each by its own reference. */
function expected(logits: Float32Array, target: Float32Array, mask: Float32Array | undefined) {
  const z = Float64Array.from(logits);
  const m = (i: number): number => mask?.[Math.floor(i / (size.plane * size.channels)) * size.plane + (i % size.plane)] ?? 1;
  const probabilities = z.map((v, i) => target[i]! + m(i) * (sigmoid(v) - target[i]!));
  const focal = { ...size, target, mask, gamma: 2, alpha: 0.25 };
  const overlap = { kind: 'iou', alpha: 0, beta: 0, smooth: 1, exponent: 1, over: 'sample', positivesOnly: false } as const;
  const iou = { ...size, ...overlap, target, mask };
  const structure = { ...size, ...msSsim, ...constants, target: Float64Array.from(target) };
  const [dFocal, dIou, dMap] = [focalLossGrad(z, focal), overlapLossGrad(z, iou), msSsimLossGrad(probabilities, structure)];
  return {
    loss: focalLoss(z, focal) + msSsimLoss(probabilities, structure) + overlapLoss(z, iou),
    dz: z.map((v, i) => dFocal[i]! + dIou[i]! + dMap[i]! * m(i) * sigmoid(v) * sigmoid(-v)),
  };
}

describe('hybrid loss of UNet3+', () => {
  it('equals its three references, with and without a mask, and repeats itself', async () => {
    const d = draw(size);
    for (const mask of [undefined, d.mask]) {
      const inputs = { target: map(size, d.target), ...(mask ? { mask: map(size, mask, 1) } : {}) };
      const once = () => runLoss(device, map(size, d.logits), inputs, run({ msSsim }), 2);
      const result = await once();
      const { loss, dz } = expected(d.logits, d.target, mask);
      // As the focal loss: exp2(gamma log2(x)) loses a few more bits than a product.
      expectLoss(
        result,
        loss,
        dz.map((v) => 2 * v),
        2e-5,
      );
      expect(await once()).toEqual(result);
    }
  });

  it('gives no gradient to pixels that the mask leaves out', async () => {
    const d = draw(size);
    const inputs = { target: map(size, d.target), mask: map(size, d.mask, 1) };
    const { dz } = await runLoss(device, map(size, d.logits), inputs, run({ msSsim }));
    const out = [...dz].filter((_, i) => d.mask[Math.floor(i / (size.plane * size.channels)) * size.plane + (i % size.plane)] === 0);
    expect(out.length).toBeGreaterThan(100);
    expect(out.every((v) => v === 0)).toBe(true);
  });

  it('refuses maps too small for five levels of the usual window', async () => {
    const d = draw(size);
    await expect(runLoss(device, map(size, d.logits), { target: map(size, d.target) }, run({}))).rejects.toThrow(
      /msSsimLoss: x is 21x18 px .*expected at least 176x176 px/,
    );
  });
});

describe('masked sigmoid', () => {
  it('equals the reference, whose gradient is that of central differences, also at logits of +-100', async () => {
    const s: LossSize = { images: 2, channels: 3, height: 3, width: 33, plane: 99 };
    const d = drawLoss(s);
    const m = (i: number): number => d.mask[Math.floor(i / (s.plane * s.channels)) * s.plane + (i % s.plane)]!;
    const dy = d.weight;
    const y = (z: Float64Array): Float64Array => z.map((v, i) => d.target[i]! + m(i) * (sigmoid(v) - d.target[i]!));
    const dz = (z: Float64Array): Float64Array => z.map((v, i) => dy[i]! * m(i) * sigmoid(v) * sigmoid(-v));
    expectGradient(y, Float64Array.from(d.logits), Float64Array.from(dy), dz(Float64Array.from(d.logits)));
    for (const logits of [d.logits, d.logits.map((_, i) => (i % 2 ? 100 : -100))]) {
      const inputs = { logits: map(s, logits), target: map(s, d.target), mask: map(s, d.mask, 1) };
      const op = (tape: Tape, t: Record<string, Tensor>): Tensor =>
        maskedSigmoid(tape, t.logits as Tensor<'NCHW'>, t.target as Tensor<'NCHW'>, { mask: t.mask });
      const result = await runOp(device, inputs, op, dy, ['logits']);
      // exp and division of WGSL, a few units in the last place.
      expectClose(result.y, y(Float64Array.from(logits)), { abs: 1e-6 });
      expectClose(result.grads.logits!, dz(Float64Array.from(logits)), { abs: 1e-6 });
    }
  });
});

describeGolden('hybrid loss follows PyTorch', () => {
  for (const name of listGolden('ops', 'loss_hybrid_')) {
    const golden = loadGolden(name);
    type Window = Record<'window' | 'sigma' | 'k1' | 'k2' | 'data_range', number> & { weights: readonly number[] };
    const p = golden.params as { focal: { gamma: number; alpha: number }; smooth: number; ms_ssim: Window };
    const { window: windowSize, data_range: dataRange, ...rest } = p.ms_ssim;
    const options = { focal: p.focal, smooth: p.smooth, msSsim: { windowSize, dataRange, ...rest } };

    it(name, async () => {
      await expectGoldenLoss(device, golden, ['target'], run(options));
    });

    it(`${name}, each of its parts`, async () => {
      const host = (tensor: string) => ({ axes: 'NCHW', shape: golden.shape(tensor), data: golden.f32(tensor) });
      const { y } = await runOp(device, { logits: host('in.logits'), target: host('in.target') }, (tape, t) => {
        const { values } = hybridLoss(tape, t.logits as Tensor<'NCHW'>, t.target as Tensor<'NCHW'>, options);
        return values;
      });
      golden.expectClose('out.parts', y);
    });
  }
});
