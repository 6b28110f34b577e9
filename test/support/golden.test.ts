import { expect, it } from 'vitest';
import { describeGolden, expectClose, listGolden, loadGolden } from './golden.js';

it('expectClose names the worst entry', () => {
  expect(() => expectClose([1, 2, 3.5], [1, 2.1, 3], { abs: 0.2 }, 'y')).toThrow(
    'y: worst at [2]: 3.5, expected 3, off by 0.5, bound 0.2.',
  );
});

it('expectClose bounds the 2-norm and each entry', () => {
  expect(() => expectClose([1.1, 1], [1, 1], { abs: 1, l2: 0.01 })).toThrow(/relative error 0.0707/);
  expect(() => expectClose([1.1, 1.1], [1, 1], { each: [0.2, 0.05] })).toThrow(/worst at \[1\]/);
  expectClose([1.1, 1], [1, 1], { abs: 0.11, l2: 0.1, each: [0.2, 0] });
});

it('expectClose refuses a NaN, another length, and a tolerance without bounds', () => {
  expect(() => expectClose([NaN], [1], { abs: 1 })).toThrow(/worst/);
  expect(() => expectClose([1], [NaN], { abs: 1 })).toThrow(/worst/);
  expect(() => expectClose([1], [1, 2], { abs: 1 })).toThrow(/1 values, expected 2/);
  expect(() => expectClose([1], [1], {})).toThrow(/bounds nothing/);
  expectClose([NaN, Infinity], [NaN, Infinity], { abs: 0, l2: 0 });
});

describeGolden('golden fixtures', () => {
  const names = ['ops', 'models', 'optim', 'metrics'].flatMap((folder) => listGolden(folder));

  it('are all readable and agree with themselves', () => {
    expect(names.length).toBeGreaterThan(200);
    for (const name of names) {
      const golden = loadGolden(name);
      expect(golden.case).toBe(name);
      for (const key of Object.keys(golden.tolerance)) golden.expectClose(key, golden.f32(key));
    }
  });

  it('tell a wrong result by the name of its tensor', () => {
    const golden = loadGolden(listGolden('ops', 'relu')[0] ?? '');
    expect(() =>
      golden.expectClose(
        'out.y',
        golden.f32('out.y').map((v) => v + 1),
      ),
    ).toThrow(/out\.y: worst at/);
  });
});
