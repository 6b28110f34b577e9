import { describe, expect, it } from 'vitest';
import { bceWithLogits } from '../../src/autograd/ops/bce-with-logits.js';
import * as reference from '../../src/kernels/reference/bce-with-logits.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import {
  drawLoss,
  expectGoldenLoss,
  expectLoss,
  lossSizes,
  map,
  runLoss,
  sizeName,
  type LossResult,
  type LossSize,
} from './losses.cases.js';

const device = await testDevice();
const POS_WEIGHT = [0.5, 4, 2];

async function run(
  s: LossSize,
  which: 'plain' | 'all',
  dy = 1,
): Promise<{ result: LossResult; inputs: reference.BceInputs; z: Float64Array }> {
  const d = drawLoss(s);
  const posWeight = Float32Array.from(POS_WEIGHT.slice(0, s.channels));
  const all = which === 'all';
  const constants = {
    target: map(s, d.target),
    ...(all ? { weight: map(s, d.weight), posWeight: { axes: 'C', shape: [s.channels], data: posWeight }, mask: map(s, d.mask, 1) } : {}),
  };
  const result = await runLoss(
    device,
    map(s, d.logits),
    constants,
    (tape, logits, t) =>
      bceWithLogits(tape, logits, t.target!, { weight: t.weight, posWeight: t.posWeight as Tensor<'C'> | undefined, mask: t.mask }),
    dy,
  );
  const inputs = { ...s, target: d.target, ...(all ? { weight: d.weight, posWeight, mask: d.mask } : {}) };
  return { result, inputs, z: Float64Array.from(d.logits) };
}

describe('binary cross-entropy', () => {
  for (const s of lossSizes) {
    for (const which of ['plain', 'all'] as const) {
      it(`equals the reference, ${which === 'all' ? 'weighted and masked' : 'plain'}, and repeats itself, at ${sizeName(s)}`, async () => {
        const { result, inputs, z } = await run(s, which, -1.5);
        expectLoss(
          result,
          reference.bceWithLogits(z, inputs),
          reference.bceWithLogitsGrad(z, inputs).map((v) => -1.5 * v),
        );
        expect((await run(s, which, -1.5)).result).toEqual(result);
      });
    }
  }

  it('has a reference whose gradient is that of central differences', () => {
    const s = lossSizes[1]!;
    const d = drawLoss(s);
    const inputs = { ...s, ...d, posWeight: POS_WEIGHT };
    const z = Float64Array.from(d.logits);
    expectGradient(
      (v) => Float64Array.of(reference.bceWithLogits(v, inputs)),
      z,
      Float64Array.of(1),
      reference.bceWithLogitsGrad(z, inputs),
    );
  });

  it('is 0 without a gradient where the mask leaves nothing in', async () => {
    const s = lossSizes[1]!;
    const d = drawLoss(s);
    const constants = {
      target: map(s, d.target),
      mask: map(
        s,
        d.mask.map(() => 0),
        1,
      ),
    };
    const { loss, dz } = await runLoss(device, map(s, d.logits), constants, (tape, z, t) =>
      bceWithLogits(tape, z, t.target!, { mask: t.mask }),
    );
    expect(loss).toBe(0);
    expect(dz.every((v) => v === 0)).toBe(true);
  });

  it('refuses targets of another size', async () => {
    const [s, other] = [lossSizes[1]!, lossSizes[3]!];
    const constants = { target: map(other, drawLoss(other).target) };
    const wrong = runLoss(device, map(s, drawLoss(s).logits), constants, (tape, z, t) => bceWithLogits(tape, z, t.target!));
    await expect(wrong).rejects.toThrow(/bceWithLogits: the sizes do not fit \(logits: NCHW 2x3x17x2, target: NCHW 3x2x3x33\)/);
  });
});

describeGolden('binary cross-entropy follows PyTorch', () => {
  for (const name of listGolden('ops', 'loss_bce_')) {
    it(name, async () => {
      await expectGoldenLoss(device, loadGolden(name), ['target', 'weight', 'pos_weight'], (tape, logits, t) =>
        bceWithLogits(tape, logits, t.target!, { weight: t.weight, posWeight: t.pos_weight as Tensor<'C'> | undefined }),
      );
    });
  }
});
