import { describe, expect, it } from 'vitest';
import { classGate } from '../../src/autograd/ops/class-gate.js';
import * as reference from '../../src/kernels/reference/class-gate.js';
import { Random } from '../../src/random.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { expectClose } from '../support/golden.js';
import { runOp, testDevice, type HostArray } from '../support/gpu.js';
import { expectGradient, largest } from '../support/gradient.js';

const device = await testDevice();

type Inputs = Record<'l' | 'z', HostArray>;
const gate = (tape: Parameters<typeof classGate>[0], t: Record<string, Tensor>): Tensor =>
  classGate(tape, t.l as Tensor<'NCHW'>, t.z as Tensor<'NC'>);

function draw([n, c, h, w]: readonly [number, number, number, number], kinds: number): { inputs: Inputs; dy: Float32Array } {
  const random = new Random(43, n, c, h * w, kinds);
  const normals = (length: number, sd: number): Float32Array => Float32Array.from({ length }, () => random.normal(0, sd));
  const inputs = {
    l: { axes: 'NCHW', shape: [n, c, h, w], data: normals(n * c * h * w, 6) },
    z: { axes: 'NC', shape: [n, kinds], data: normals(n * kinds, 4) },
  };
  return { inputs, dy: normals(n * c * h * w, 1) };
}

const exact = (values: ArrayLike<number>): Float64Array => Float64Array.from(values);

describe('classGate', () => {
  for (const [size, kinds] of [
    [[1, 1, 1, 1], 2],
    [[3, 2, 1, 5], 3],
    [[2, 2, 33, 17], 3],
    [[5, 1, 8, 8], 4],
  ] as const) {
    const { inputs, dy } = draw(size, kinds);

    it(`equals the float64 reference, forward and backward, at ${size.join('x')} with ${kinds} classes, the same in every run`, async () => {
      const [l, z] = [exact(inputs.l.data), exact(inputs.z.data)];
      const y = reference.classGate(l, z, size[0]);
      const { dl, dz } = reference.classGateGrad(l, z, exact(dy), size[0]);
      const result = await runOp(device, inputs, gate, dy);
      // Three terms of up to 30, each rounded; exponentials to some units in the last place.
      expectClose(result.y, y, { abs: 1e-6 * Math.max(1, largest(y)) }, 'y');
      expectClose(result.grads.l ?? [], dl, { abs: 2e-6 * largest(dy) }, 'dl');
      expectClose(result.grads.z ?? [], dz, { abs: 2e-6 * Math.sqrt(dy.length) * largest(dy) }, 'dz');
      expect(await runOp(device, inputs, gate, dy)).toEqual(result);
    });
  }

  it('is the probability times that of any class, and stays finite where either is sure', async () => {
    const inputs = {
      l: { axes: 'NCHW', shape: [2, 1, 1, 3], data: [-80, 0, 80, -80, 0, 80] },
      z: { axes: 'NC', shape: [2, 3], data: [0, 80, 79, 80, 0, 1] },
    } as const;
    const { y } = await runOp(device, inputs, gate);
    expectClose(y.slice(0, 2), [-80, 0], { abs: 1e-5 }, 'sure of any');
    expect(y[2]).toBeGreaterThan(79);
    for (const value of y) expect(Number.isFinite(value)).toBe(true);
    expect(y[5]).toBeLessThan(-70); // sure of none: the gate closes whatever the map says
  });

  it('refuses class logits of other images, and a single class', async () => {
    const { inputs } = draw([2, 1, 2, 2], 3);
    const other = { axes: 'NC', shape: [3, 3], data: new Float32Array(9) };
    await expect(runOp(device, { ...inputs, z: other }, gate)).rejects.toThrow(/expected 2 images/);
    const one = { axes: 'NC', shape: [2, 1], data: new Float32Array(2) };
    await expect(runOp(device, { ...inputs, z: one }, gate)).rejects.toThrow(/at least two classes/);
  });
});

describe('the reference of classGate', () => {
  const { inputs, dy: upstream } = draw([2, 2, 2, 2], 3);
  const [l, z, dy] = [exact(inputs.l.data), exact(inputs.z.data), exact(upstream)];

  it('multiplies probabilities', () => {
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    for (const [i, y] of reference.classGate(l, z, 2).entries())
      expect(sigmoid(y)).toBeCloseTo(reference.gated(sigmoid(l[i]!), z.subarray(i < 8 ? 0 : 3, i < 8 ? 3 : 6)), 12);
  });

  it('has the gradients of central differences', () => {
    const { dl, dz } = reference.classGateGrad(l, z, dy, 2);
    expectGradient((v) => reference.classGate(v, z, 2), l, dy, dl);
    expectGradient((v) => reference.classGate(l, v, 2), z, dy, dz);
  });
});
