import { describe, expect, it } from 'vitest';
import { logSoftmax, softmax } from '../../src/autograd/ops/softmax.js';
import * as reference from '../../src/kernels/reference/softmax.js';
import { normals } from '../support/draws.js';
import { describeGolden, expectClose, listGolden, loadGolden } from '../support/golden.js';
import { runOp, testDevice } from '../support/gpu.js';
import { expectGradient } from '../support/gradient.js';

const device = await testDevice();

async function run(
  axes: string,
  shape: readonly number[],
  letter: string,
  logarithm: boolean,
  data: Float32Array,
  dy: Float32Array,
): Promise<{ y: Float32Array; dx: Float32Array }> {
  const op = logarithm ? logSoftmax : softmax;
  const { y, grads } = await runOp(device, { x: { axes, shape, data } }, (tape, { x }) => op(tape, x!, letter), dy);
  return { y, dx: grads.x! };
}

function viewOf(axes: string, shape: readonly number[], letter: string, logarithm: boolean): reference.SoftmaxView {
  const axis = axes.indexOf(letter);
  return { length: shape[axis]!, inner: shape.slice(axis + 1).reduce((p, s) => p * s, 1), logarithm };
}

const cases: [axes: string, shape: number[], letter: string][] = [
  ['NC', [1, 1], 'C'],
  ['NC', [17, 3], 'C'],
  ['NC', [65, 64], 'N'],
  ['NCHW', [2, 3, 17, 5], 'C'],
  ['NCHW', [1, 2, 3, 65], 'W'],
];

describe('softmax and its logarithm', () => {
  for (const [axes, shape, letter] of cases) {
    for (const logarithm of [false, true]) {
      it(`${logarithm ? 'logSoftmax' : 'softmax'} along ${letter} of ${shape.join('x')} equals the reference`, async () => {
        const size = shape.reduce((p, s) => p * s, 1);
        const [x, dy] = [normals(1, size, 3), normals(2, size)];
        const view = viewOf(axes, shape, letter, logarithm);
        const result = await run(axes, shape, letter, logarithm, x, dy);
        // exp and log of WGSL: a few units in the last place of values up to 20.
        expectClose(result.y, reference.softmax(Float64Array.from(x), view), { abs: logarithm ? 1e-5 : 2e-6 }, 'y');
        expectClose(
          result.dx,
          reference.softmaxGrad(Float64Array.from(x), Float64Array.from(dy), view),
          { abs: 1e-6 * view.length + 4e-6 },
          'dx',
        );
        expect(await run(axes, shape, letter, logarithm, x, dy)).toEqual(result);
      });
    }
  }

  it('has references whose gradients are those of central differences', () => {
    const [x, dy] = [Float64Array.from(normals(1, 30)), Float64Array.from(normals(2, 30))];
    for (const logarithm of [false, true]) {
      const view = { length: 5, inner: 3, logarithm };
      expectGradient((v) => reference.softmax(v, view), x, dy, reference.softmaxGrad(x, dy, view));
    }
  });

  it('stays exact where probabilities underflow', async () => {
    const x = Float32Array.of(100, 0, -100);
    const { y, dx } = await run('NC', [1, 3], 'C', true, x, Float32Array.of(0, 0, 1));
    expect([...y]).toEqual([0, -100, -200]);
    expect([...dx]).toEqual([-1, 0, 1]);
    expect([...(await run('NC', [1, 3], 'C', false, x, Float32Array.of(1, 1, 1))).y]).toEqual([1, 0, 0]);
  });

  it('refuses an axis that x does not have', async () => {
    await expect(run('NC', [1, 3], 'H', false, normals(1, 3), normals(2, 3))).rejects.toThrow(
      /axis H was given, expected one of x: NC 1x3/,
    );
  });
});

describeGolden('softmax follows PyTorch', () => {
  for (const name of [...listGolden('ops', 'softmax_'), ...listGolden('ops', 'log_softmax_')]) {
    it(name, async () => {
      const golden = loadGolden(name);
      const shape = golden.shape('in.x');
      const axes = shape.length === 4 ? 'NCHW' : 'NC';
      const letter = axes[golden.params.axis as number] ?? '';
      const result = await run(axes, shape, letter, golden.op === 'log_softmax', golden.f32('in.x'), golden.f32('in.dy'));
      golden.expectClose('out.y', result.y);
      golden.expectClose('grad.x', result.dx);
    });
  }
});
