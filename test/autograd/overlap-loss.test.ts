import { describe, expect, it } from 'vitest';
import type { Logits } from '../../src/autograd/ops/loss-shapes.js';
import { diceLoss, focalTverskyLoss, iouLoss, tverskyLoss } from '../../src/autograd/ops/overlap-loss.js';
import type { Tape } from '../../src/autograd/tape.js';
import * as reference from '../../src/kernels/reference/overlap-loss.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { drawLoss, expectGoldenLoss, expectLoss, lossSizes, map, runLoss, sizeName } from './losses.cases.js';

const device = await testDevice();

interface Loss {
  readonly name: string;
  readonly op: (
    tape: Tape,
    logits: Logits,
    target: Tensor,
    options: { over: 'sample' | 'batch'; positivesOnly?: boolean; mask?: Tensor | undefined },
  ) => Tensor;
  readonly inputs: Pick<reference.OverlapInputs, 'kind' | 'alpha' | 'beta' | 'smooth' | 'exponent'>;
}

const tverskyInputs = { kind: 'tversky', alpha: 0.3, beta: 0.7, smooth: 1 } as const;
const losses: readonly Loss[] = [
  { name: 'diceLoss', op: diceLoss, inputs: { kind: 'dice', alpha: 0, beta: 0, smooth: 1, exponent: 1 } },
  { name: 'iouLoss', op: iouLoss, inputs: { kind: 'iou', alpha: 0, beta: 0, smooth: 1, exponent: 1 } },
  { name: 'tverskyLoss', op: tverskyLoss, inputs: { ...tverskyInputs, exponent: 1 } },
  { name: 'focalTverskyLoss', op: focalTverskyLoss, inputs: { ...tverskyInputs, exponent: 0.75 } },
];

describe('losses by overlap', () => {
  for (const { name, op, inputs: ratio } of losses) {
    for (const s of lossSizes) {
      for (const over of ['sample', 'batch'] as const) {
        it(`${name} equals the reference over each ${over}, masked too, and repeats itself, at ${sizeName(s)}`, async () => {
          const d = drawLoss(s);
          const z = Float64Array.from(d.logits);
          for (const mask of [undefined, d.mask]) {
            const constants = { target: map(s, d.target), ...(mask ? { mask: map(s, mask, 1) } : {}) };
            const run = () =>
              runLoss(device, map(s, d.logits), constants, (tape, logits, t) => op(tape, logits, t.target!, { over, mask: t.mask }), 2);
            const result = await run();
            const inputs = { ...s, ...ratio, target: d.target, mask, over, positivesOnly: false };
            expectLoss(
              result,
              reference.overlapLoss(z, inputs),
              reference.overlapLossGrad(z, inputs).map((v) => 2 * v),
            );
            expect(await run()).toEqual(result);
          }
        });
      }
    }

    it(`${name} counts only ratios with positives where asked, and is 0 where there are none`, async () => {
      const s = lossSizes[3]!;
      const d = drawLoss(s);
      const z = Float64Array.from(d.logits);
      for (const emptyPlanes of [
        [1, 2],
        [0, 1, 2, 3, 4, 5],
      ]) {
        const target = d.target.map((t, i) => (emptyPlanes.includes(Math.floor(i / s.plane)) ? 0 : t));
        const result = await runLoss(device, map(s, d.logits), { target: map(s, target) }, (tape, logits, t) =>
          op(tape, logits, t.target!, { over: 'sample', positivesOnly: true }),
        );
        const inputs = { ...s, ...ratio, target, over: 'sample', positivesOnly: true } as const;
        expectLoss(result, reference.overlapLoss(z, inputs), reference.overlapLossGrad(z, inputs));
        if (emptyPlanes.length === 6) expect(result.loss).toBe(0);
      }
    });

    it(`${name} is finite at logits of +-100, right and wrong, empty and full masks`, async () => {
      const s = { images: 1, channels: 4, height: 1, width: 2, plane: 2 };
      const logits = Float32Array.of(100, -100, 100, -100, -100, -100, 100, 100);
      const target = Float32Array.of(1, 0, 0, 1, 0, 0, 1, 1);
      const result = await runLoss(device, map(s, logits), { target: map(s, target) }, (tape, z, t) =>
        op(tape, z, t.target!, { over: 'sample' }),
      );
      const inputs = { ...s, ...ratio, target, over: 'sample', positivesOnly: false } as const;
      expectLoss(
        result,
        reference.overlapLoss(Float64Array.from(logits), inputs),
        reference.overlapLossGrad(Float64Array.from(logits), inputs),
      );
      expect(result.loss).toBeGreaterThan(0.1);
    });

    it(`${name} has a reference whose gradient is that of central differences`, () => {
      const s = lossSizes[1]!;
      const d = drawLoss(s);
      const z = Float64Array.from(d.logits);
      for (const over of ['sample', 'batch'] as const) {
        const inputs = { ...s, ...ratio, target: d.target, mask: d.mask, over, positivesOnly: over === 'batch' };
        expectGradient(
          (v) => Float64Array.of(reference.overlapLoss(v, inputs)),
          z,
          Float64Array.of(1),
          reference.overlapLossGrad(z, inputs),
        );
      }
    });
  }

  it('learns from false positives on an empty mask: the gradient does not vanish', async () => {
    const s = lossSizes[2]!;
    const d = drawLoss(s);
    const { dz } = await runLoss(device, map(s, d.logits), { target: map(s, d.target.fill(0)) }, (tape, z, t) =>
      diceLoss(tape, z, t.target!),
    );
    expect(dz.every((v) => v > 0)).toBe(true);
  });

  it('refuses an exponent of 0', async () => {
    const s = lossSizes[0]!;
    const d = drawLoss(s);
    const wrong = runLoss(device, map(s, d.logits), { target: map(s, d.target) }, (tape, z, t) =>
      focalTverskyLoss(tape, z, t.target!, { exponent: 0 }),
    );
    await expect(wrong).rejects.toThrow(/focalTverskyLoss: exponent is 0, expected more than 0/);
  });
});

describeGolden('losses by overlap follow PyTorch', () => {
  const kinds = [
    ['loss_dice_', diceLoss],
    ['loss_iou_', iouLoss],
    ['loss_tversky_', tverskyLoss],
    ['loss_focal_tversky_', focalTverskyLoss],
  ] as const;
  for (const [prefix, op] of kinds) {
    for (const name of listGolden('ops', prefix)) {
      it(name, async () => {
        const golden = loadGolden(name);
        const options = golden.params as { smooth: number; over: 'sample' | 'batch'; alpha?: number; beta?: number; exponent?: number };
        await expectGoldenLoss(device, golden, ['target'], (tape, logits, t) => op(tape, logits, t.target!, options));
      });
    }
  }
});
