import { describe, expect, it } from 'vitest';
import { crossEntropy, type CrossEntropyOptions } from '../../src/autograd/ops/cross-entropy.js';
import * as reference from '../../src/kernels/reference/cross-entropy.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { describeGolden, listGolden, loadGolden } from '../support/golden.js';
import { testDevice, type HostArray } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';
import { expectGoldenLoss, expectLoss, runLoss } from './losses.cases.js';

const device = await testDevice();

/** Rows of logits [N, C] where plane is undefined, else maps [N, C, 1, plane]. */
interface Case {
  readonly images: number;
  readonly classes: number;
  readonly plane?: number;
  readonly probabilities?: boolean;
  readonly smoothing?: number;
  readonly weighted?: boolean;
  readonly masked?: boolean;
  readonly ignoring?: boolean;
}

const cases: readonly Case[] = [
  { images: 1, classes: 1 },
  { images: 17, classes: 3 },
  { images: 65, classes: 64, weighted: true, smoothing: 0.1 },
  { images: 2, classes: 3, plane: 2051, weighted: true, masked: true },
  { images: 2, classes: 5, plane: 33, smoothing: 0.2, ignoring: true, masked: true },
  { images: 3, classes: 4, probabilities: true, weighted: true, smoothing: 0.1 },
  { images: 2, classes: 2, plane: 65, probabilities: true, masked: true },
];

function prepare(c: Case): {
  logits: HostArray;
  constants: Record<string, HostArray>;
  inputs: reference.CrossEntropyInputs;
  z: Float64Array;
} {
  const plane = c.plane ?? 1;
  const [elements, rows] = [c.images * c.classes * plane, c.images * plane];
  const random = new Random(5, elements);
  const axes = c.plane === undefined ? 'NC' : 'NCHW';
  const shape = c.plane === undefined ? [c.images, c.classes] : [c.images, c.classes, 1, plane];
  const draw = (length: number, value: (i: number) => number): Float32Array => Float32Array.from({ length }, (_, i) => value(i));
  const target = c.probabilities
    ? draw(elements, () => random.next())
    : draw(rows, () => (c.ignoring && random.next() < 0.3 ? -100 : random.int(c.classes)));
  const weight = c.weighted ? draw(c.classes, () => random.uniform(0.3, 3)) : undefined;
  const mask = c.masked ? draw(rows, () => (random.next() < 0.6 ? 1 : 0)) : undefined;
  const data = normals(6, elements, 3);
  return {
    logits: { axes, shape, data },
    constants: {
      target: c.probabilities ? { axes, shape, data: target } : { axes: 'NHW', shape: [c.images, 1, plane], data: target },
      ...(weight ? { weight: { axes: 'C', shape: [c.classes], data: weight } } : {}),
      ...(mask ? { mask: { axes: 'NCHW', shape: [c.images, 1, 1, plane], data: mask } } : {}),
    },
    inputs: {
      classes: c.classes,
      plane,
      target,
      probabilities: c.probabilities ?? false,
      weight,
      mask,
      smoothing: c.smoothing ?? 0,
      ignored: -100,
    },
    z: Float64Array.from(data),
  };
}

function options(t: Record<string, Tensor>, labelSmoothing: number): CrossEntropyOptions {
  return { weight: t.weight as Tensor<'C'> | undefined, mask: t.mask, labelSmoothing };
}

describe('cross-entropy', () => {
  for (const c of cases) {
    it(`equals the reference and repeats itself: ${JSON.stringify(c)}`, async () => {
      const { logits, constants, inputs, z } = prepare(c);
      const run = () =>
        runLoss(device, logits, constants, (tape, l, t) => crossEntropy(tape, l, t.target!, options(t, c.smoothing ?? 0)), 3);
      const result = await run();
      expectLoss(
        result,
        reference.crossEntropy(z, inputs),
        reference.crossEntropyGrad(z, inputs).map((v) => 3 * v),
      );
      expect(await run()).toEqual(result);
    });

    it(`has a reference whose gradient is that of central differences: ${JSON.stringify(c)}`, () => {
      const { inputs, z } = prepare({
        ...c,
        images: Math.min(c.images, 2),
        ...(c.plane === undefined ? {} : { plane: Math.min(c.plane, 5) }),
      });
      expectGradient(
        (v) => Float64Array.of(reference.crossEntropy(v, inputs)),
        z,
        Float64Array.of(1),
        reference.crossEntropyGrad(z, inputs),
      );
    });
  }

  it('is exact at logits of +-100', async () => {
    const logits = { axes: 'NC', shape: [2, 2], data: [100, -100, 100, -100] };
    const { loss, dz } = await runLoss(device, logits, { target: { axes: 'N', shape: [2], data: [0, 1] } }, (tape, l, t) =>
      crossEntropy(tape, l, t.target!),
    );
    expect(loss).toBe(100);
    expect([...dz]).toEqual([0, 0, 0.5, -0.5]);
  });

  it('is 0 without a gradient where every row is left out', async () => {
    const logits = { axes: 'NC', shape: [2, 2], data: [1, 2, 3, 4] };
    const { loss, dz } = await runLoss(device, logits, { target: { axes: 'N', shape: [2], data: [-100, -100] } }, (tape, l, t) =>
      crossEntropy(tape, l, t.target!),
    );
    expect(loss).toBe(0);
    expect([...dz].every((v) => v === 0)).toBe(true);
  });

  it('refuses targets of another number of rows', async () => {
    const logits = { axes: 'NC', shape: [2, 2], data: [1, 2, 3, 4] };
    const wrong = runLoss(device, logits, { target: { axes: 'N', shape: [3], data: [0, 1, 0] } }, (tape, l, t) =>
      crossEntropy(tape, l, t.target!),
    );
    await expect(wrong).rejects.toThrow(/crossEntropy: the sizes do not fit \(logits: NC 2x2, target: N 3\), expected 2 class indices/);
  });
});

describeGolden('cross-entropy follows PyTorch', () => {
  for (const name of listGolden('ops', 'loss_cross_entropy_')) {
    it(name, async () => {
      const golden = loadGolden(name);
      const { labelSmoothing, ignoreIndex } = golden.params as { labelSmoothing: number; ignoreIndex: number | null };
      await expectGoldenLoss(device, golden, ['target', 'weight'], (tape, logits, t) =>
        crossEntropy(tape, logits, t.target!, { ...options(t, labelSmoothing), ignoreIndex: ignoreIndex ?? -100 }),
      );
    });
  }
});
