import { describe, expect, it } from 'vitest';
import { seededInputs, withGiven } from '../../src/bench/inputs.js';
import { filterEntries, findGroup, findWorkload, groupEntries } from '../../src/bench/suite.js';
import { NETWORK_S, WORKLOADS } from '../../src/bench/workloads.js';
import { UserError } from '../../src/errors.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { tiny } from './tiny.js';

describe('unknown names are answered with what there is', () => {
  it('for workloads', () => {
    expect(() => findWorkload('X')).toThrow(UserError);
    for (const { name } of WORKLOADS) expect(() => findWorkload('X')).toThrow(`  ${name} `);
  });
  it('for groups', () => {
    expect(() => findGroup('kernel')).toThrow(/kernels, train, infer, scaling, correct, memory, data, peers, all/);
  });
  it('for filters', () => {
    expect(() => filterEntries(groupEntries('train'), 'nothing')).toThrow(/There are:\n {2}T train-step\n {2}C-T train-step$/);
    expect(() => filterEntries(groupEntries('train'), '(')).toThrow(/not a regular expression/);
  });
});

describe('groups', () => {
  it('measure the plain oracles only where a filter names them', () => {
    const names = (filter?: string): string[] => filterEntries(groupEntries('kernels'), filter).map(({ operation }) => operation.name);
    expect(names().filter((name) => name.includes('plain'))).toEqual([]);
    expect(names('plain').length).toBeGreaterThan(10);
  });
  it('name every operation once', () => {
    const titles = groupEntries('all').map(({ workload, operation }) => `${workload} ${operation.name}`);
    expect(new Set(titles).size).toBe(titles.length);
  });
  it('run all workloads in "all"', () => {
    const measured = new Set(groupEntries('all').map(({ workload }) => workload));
    for (const { name } of WORKLOADS) expect(measured).toContain(name);
  });
});

describe('inputs', () => {
  it('are the same each time, and hold every array of the network', () => {
    const inputs = seededInputs(tiny('T'));
    expect(inputs).toEqual(seededInputs(tiny('T')));
    const { parameters, buffers } = unet3plus(NETWORK_S).layers;
    expect([...inputs.keys()].sort()).toEqual(
      [...parameters, ...buffers]
        .map(({ name }) => name)
        .concat('x', 'target')
        .sort(),
    );
  });
  it('have 5 % ones in the target', () => {
    const { data = new Float32Array() } = seededInputs({ ...tiny('T'), side: 128 } as ReturnType<typeof tiny>).get('target') ?? {};
    expect([...new Set(data)].sort()).toEqual([0, 1]);
    expect(data.reduce((sum, v) => sum + v, 0) / data.length).toBeCloseTo(0.05, 2);
  });
  it('of a file take the place of the seeded ones', () => {
    const seeded = seededInputs(tiny('I'));
    const bias = { shape: [3], data: Float32Array.of(1, 2, 3) };
    const inputs = withGiven(seeded, new Map([['head.0.bias', bias]]), 'in.safetensors');
    expect(inputs.get('head.0.bias')).toBe(bias);
    expect(inputs.get('x')).toBe(seeded.get('x'));
  });
  it.each([
    ['an unknown name', 'y', [3], [1, 2, 3], "found a tensor 'y', expected some of x,"],
    ['another shape', 'head.0.bias', [2], [1, 2], "'head.0.bias' is 2, expected 3"],
    ['values that are not finite', 'head.0.bias', [3], [1, NaN, 3], 'not finite'],
  ])('of a file are refused for %s', (_, name, shape, data, message) => {
    const given = new Map([[name, { shape, data: Float32Array.from(data) }]]);
    expect(() => withGiven(seededInputs(tiny('I')), given, 'in.safetensors')).toThrow(message);
  });
});
