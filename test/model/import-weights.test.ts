import { describe, expect, test } from 'vitest';
import { COMPACT } from '../../src/model/config.js';
import { importWeights } from '../../src/model/import-weights.js';
import type { StoredTensor } from '../../src/model/safetensors.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { toHalves } from '../../src/runtime/half.js';

const { layers } = unet3plus({ ...COMPACT, encoder: [1, 1, 1, 1, 1], branch: 1, fusion: [1, 1, 1, 1], context: null });
const specs = [...layers.parameters, ...layers.buffers];

/** Every array, element i of the k-th is k + i / 8. */
function weights(prefix = ''): Map<string, StoredTensor> {
  return new Map(
    specs.map(({ name, shape }, k) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => k + i / 8);
      return [prefix + name, { dtype: 'F32', shape, data }];
    }),
  );
}

const read = (tensors: ReadonlyMap<string, StoredTensor>, renamings = [] as { from: string; to: string }[]) =>
  importWeights(tensors, layers, 'weights.safetensors', renamings);

describe('weights trained elsewhere', () => {
  test('come in by their names, without what wrappers and PyTorch add', () => {
    const given = weights('_orig_mod.module.');
    given.set('_orig_mod.module.enc.0.bn.0.num_batches_tracked', { dtype: 'I64', shape: [], data: new BigInt64Array(1) });
    const arrays = read(given);
    expect(arrays.size).toBe(specs.length);
    expect(arrays.get(specs[3]!.name)?.[1] ?? arrays.get(specs[3]!.name)?.[0]).toBeGreaterThanOrEqual(3);
    expect(arrays).toEqual(read(weights()));
  });

  test('may be renamed, and of other floating-point types', () => {
    const given = new Map([...weights()].map(([name, t]) => [name.replace(/^enc\./, 'encoder.'), t] as const));
    expect(read(given, [{ from: 'encoder.', to: 'enc.' }])).toEqual(read(weights()));
    const exact = weights(); // all values are halves
    for (const dtype of ['F64', 'F16', 'BF16'] as const) {
      const other = new Map(exact);
      const [name, { shape }] = [specs[0]!.name, specs[0]!];
      const values = Float32Array.from({ length: 9 }, (_, i) => i / 8);
      const bits = new Uint32Array(values.buffer);
      const data = { F64: Float64Array.from(values), F16: toHalves(values).slice(0, 9), BF16: Uint16Array.from(bits, (b) => b >>> 16) }[
        dtype
      ];
      other.set(name, { dtype, shape, data } as StoredTensor);
      expect([...(read(other).get(name) ?? [])]).toEqual([...values]);
    }
  });

  test('that differ are refused with the list of all that does', () => {
    const given = weights();
    const [first, second, third] = specs.map(({ name }) => name) as [string, string, string];
    given.delete(first);
    given.set(second, { dtype: 'F32', shape: [2, 3], data: new Float32Array(6) });
    given.set(third, { dtype: 'I32', shape: specs[2]!.shape, data: new Int32Array(specs[2]!.shape.reduce((a, b) => a * b, 1)) });
    given.set('extra.weight', { dtype: 'F32', shape: [1], data: new Float32Array(1) });
    const lines = [
      `'${first}' is missing, expected [${specs[0]!.shape.join(', ')}]`,
      `'${second}' is [2, 3], expected [${specs[1]!.shape.join(', ')}]`,
      `'${third}' is I32, expected numbers with a fraction`,
      `'extra.weight' is not part of the network`,
    ];
    for (const line of lines) expect(() => read(given)).toThrow(line);
    expect(() => read(given)).toThrow('4 differences');
    expect(() => read(new Map([['x', given.get('extra.weight')!]]))).toThrow(/and \d+ more\n.*--rename/);
  });

  test('that are not finite are refused', () => {
    const given = weights();
    given.set(specs[0]!.name, { dtype: 'F32', shape: specs[0]!.shape, data: new Float32Array(9).fill(NaN) });
    expect(() => read(given)).toThrow(/NaN at index 0/);
  });

  test('twice under one name are refused', () => {
    const given = weights();
    given.set(`module.${specs[0]!.name}`, given.get(specs[0]!.name)!);
    expect(() => read(given)).toThrow(/is there twice/);
  });
});
