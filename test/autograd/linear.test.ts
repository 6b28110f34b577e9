import { describe, expect, it } from 'vitest';
import { linear } from '../../src/autograd/ops/linear.js';
import * as reference from '../../src/kernels/reference/linear.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { normals } from '../support/draws.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { dot, expectGradient } from '../support/gradient.js';

const device = await testDevice();

interface Case {
  readonly rows: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly dy: Float32Array;
}

async function run(c: Case): Promise<{ y: Float32Array; grads: Record<string, Float32Array> }> {
  const inputs = {
    x: { axes: 'NC', shape: [c.rows, c.inFeatures], data: c.x },
    weight: { axes: 'OI', shape: [c.outFeatures, c.inFeatures], data: c.weight },
    ...(c.bias ? { bias: { axes: 'C', shape: [c.outFeatures], data: c.bias } } : {}),
  };
  return runOp(
    device,
    inputs,
    (tape, t) => linear(tape, t.x as Tensor<'NC'>, t.weight as Tensor<'OI'>, (t.bias as Tensor<'C'> | undefined) ?? null),
    c.dy,
  );
}

const sizes = [
  [1, 1, 1],
  [2, 3, 17],
  [3, 65, 2],
  [130, 17, 5],
  [4, 64, 65],
] as const;

function draw(rows: number, inFeatures: number, outFeatures: number, bias = true): Case {
  return {
    rows,
    inFeatures,
    outFeatures,
    x: normals(1, rows * inFeatures),
    weight: normals(2, outFeatures * inFeatures),
    bias: bias ? normals(3, outFeatures) : null,
    dy: normals(4, rows * outFeatures),
  };
}

const f64 = (a: Float32Array): Float64Array => Float64Array.from(a);
/** 4 sqrt(K) eps times a typical sum of K products of normal numbers, sqrt(K), and as much again for chance: 20 K eps. */
const bound = (terms: number): { abs: number } => ({ abs: 20 * (terms + 1) * 2 ** -24 });

describe('linear', () => {
  for (const size of sizes) {
    it(`equals the reference, forward and backward, and repeats itself bit for bit, at ${size.join('x')}`, async () => {
      const c = draw(size[0], size[1], size[2]);
      const result = await run(c);
      const grads = reference.linearGrad(f64(c.x), f64(c.weight), f64(c.dy), c.rows);
      expectClose(result.y, reference.linear(f64(c.x), f64(c.weight), f64(c.bias!), c.rows), bound(c.inFeatures), 'y');
      expectClose(result.grads.x!, grads.dx, bound(c.outFeatures), 'dx');
      expectClose(result.grads.weight!, grads.dw, bound(c.rows), 'dw');
      expectClose(result.grads.bias!, grads.db, bound(c.rows), 'db');
      expect(await run(c)).toEqual(result);
    });
  }

  it('has a reference whose gradient is that of central differences', () => {
    const c = draw(3, 5, 4);
    const [x, weight, bias, dy] = [f64(c.x), f64(c.weight), f64(c.bias!), f64(c.dy)];
    const grads = reference.linearGrad(x, weight, dy, 3);
    expectGradient((v) => reference.linear(v, weight, bias, 3), x, dy, grads.dx);
    expectGradient((v) => reference.linear(x, v, bias, 3), weight, dy, grads.dw);
    expectGradient((v) => reference.linear(x, weight, v, 3), bias, dy, grads.db);
  });

  it('passes the dot-product test without a bias', async () => {
    const c = draw(7, 33, 9, false);
    const { y, grads } = await run(c);
    expect(grads.bias).toBeUndefined();
    expect(Math.abs(dot(y, c.dy) - dot(c.x, grads.x!))).toBeLessThan(1e-4);
    expect(Math.abs(dot(y, c.dy) - dot(c.weight, grads.weight!))).toBeLessThan(1e-4);
  });

  it('refuses a weight for another number of features', async () => {
    const c = draw(2, 3, 4);
    const wrong = runOp(
      device,
      { x: { axes: 'NC', shape: [2, 3], data: c.x }, weight: { axes: 'OI', shape: [3, 4], data: c.weight } },
      (tape, t) => linear(tape, t.x as Tensor<'NC'>, t.weight as Tensor<'OI'>),
    );
    await expect(wrong).rejects.toThrow(/linear: the sizes do not fit \(x: x: NC 2x3, weight: weight: OI 3x4, bias: none\)/);
  });
});

describeGolden('linear follows PyTorch', () => {
  for (const name of listGolden('ops', 'linear_')) {
    it(name, async () => {
      const golden = loadGolden(name);
      const [outFeatures = 0, inFeatures = 0] = golden.shape('in.weight');
      const bias = golden.has('in.bias') ? golden.f32('in.bias') : null;
      const x = golden.f32('in.x');
      const rows = x.length / inFeatures;
      const result = await run({ rows, inFeatures, outFeatures, x, weight: golden.f32('in.weight'), bias, dy: golden.f32('in.dy') });
      golden.expectClose('out.y', result.y);
      for (const [key, gradient] of Object.entries(result.grads)) golden.expectClose(`grad.${key}`, gradient);
    });
  }
});
