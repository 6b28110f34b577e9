import { describe, expect, it } from 'vitest';
import { focalLoss } from '../../src/autograd/ops/focal-loss.js';
import * as reference from '../../src/kernels/reference/focal-loss.js';
import { Random } from '../../src/random.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { drawLoss, expectGoldenLoss, expectLoss, lossSizes, map, runLoss, sizeName } from './losses.cases.js';

const device = await testDevice();
const settings = [
  { gamma: 2, alpha: 0.25 },
  { gamma: 0, alpha: 0.5 },
  { gamma: 0.5, alpha: 0.9 },
  { gamma: 3, alpha: 0.7 },
];

describe('focal loss', () => {
  for (const [k, s] of lossSizes.entries()) {
    const option = settings[k % settings.length]!;
    it(`equals the reference, with and without a mask, and repeats itself, at ${sizeName(s)} with gamma ${option.gamma}`, async () => {
      const d = drawLoss(s);
      const z = Float64Array.from(d.logits);
      for (const mask of [undefined, d.mask]) {
        const constants = { target: map(s, d.target), ...(mask ? { mask: map(s, mask, 1) } : {}) };
        const run = () =>
          runLoss(
            device,
            map(s, d.logits),
            constants,
            (tape, logits, t) => focalLoss(tape, logits, t.target!, { ...option, mask: t.mask }),
            0.5,
          );
        const result = await run();
        const inputs = { ...s, target: d.target, mask, ...option };
        // exp2(gamma log2(x)) loses a few more bits than a product.
        expectLoss(
          result,
          reference.focalLoss(z, inputs),
          reference.focalLossGrad(z, inputs).map((v) => v / 2),
          2e-5,
        );
        expect(await run()).toEqual(result);
      }
    });
  }

  it('has a reference whose gradient is that of central differences, soft targets too', () => {
    const s = lossSizes[1]!;
    const d = drawLoss(s);
    const random = new Random(3);
    const target = d.target.map((t) => (random.next() < 0.5 ? t : random.next()));
    for (const option of settings) {
      const inputs = { ...s, target, mask: d.mask, ...option };
      const z = Float64Array.from(d.logits);
      expectGradient((v) => Float64Array.of(reference.focalLoss(v, inputs)), z, Float64Array.of(1), reference.focalLossGrad(z, inputs));
    }
  });

  it('is finite and equal to the reference at logits of +-100 and +-1000', async () => {
    const s = { images: 1, channels: 1, height: 1, width: 8, plane: 8 };
    const logits = Float32Array.of(100, -100, 1000, -1000, 100, -100, 1000, -1000);
    const target = Float32Array.of(0, 0, 0, 0, 1, 1, 1, 1);
    for (const option of settings) {
      const result = await runLoss(device, map(s, logits), { target: map(s, target) }, (tape, z, t) =>
        focalLoss(tape, z, t.target!, option),
      );
      const inputs = { ...s, target, ...option };
      expectLoss(
        result,
        reference.focalLoss(Float64Array.from(logits), inputs),
        reference.focalLossGrad(Float64Array.from(logits), inputs),
      );
    }
  });

  it('refuses a negative gamma', async () => {
    const s = lossSizes[0]!;
    const d = drawLoss(s);
    const wrong = runLoss(device, map(s, d.logits), { target: map(s, d.target) }, (tape, z, t) =>
      focalLoss(tape, z, t.target!, { gamma: -1 }),
    );
    await expect(wrong).rejects.toThrow(/focalLoss: gamma is -1, expected 0 or more/);
  });
});

describeGolden('focal loss follows PyTorch', () => {
  for (const name of listGolden('ops', 'loss_focal_').filter((n) => !n.includes('tversky'))) {
    it(name, async () => {
      const golden = loadGolden(name);
      const { gamma, alpha } = golden.params as { gamma: number; alpha: number };
      await expectGoldenLoss(device, golden, ['target'], (tape, logits, t) => focalLoss(tape, logits, t.target!, { gamma, alpha }));
    });
  }
});
