// Fixtures computed by PyTorch (see the README beside them): where they are, how they are read, how results are compared with them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { readSafetensors, type StoredTensor } from '../../src/model/safetensors.js';

export const GOLDEN_DIR = process.env.MCGPU_GOLDEN ?? fileURLToPath(new URL('../../../shared/golden', import.meta.url));
export const goldenPresent = existsSync(join(GOLDEN_DIR, 'index.json'));

/** `describe` that skips, saying so in its name, where the fixtures are absent. */
export function describeGolden(name: string, body: () => void): void {
  if (goldenPresent) describe(name, body);
  else describe.skip(name, () => it('needs the golden fixtures: set MCGPU_GOLDEN', () => undefined));
}

/** Bounds of the golden README: max|a-b| <= abs, |a-b|2 <= l2 |b|2, |a[i]-b[i]| <= each[i]. */
export interface Tolerance {
  readonly abs?: number;
  readonly l2?: number;
  readonly each?: readonly number[];
}

/** The JSON of `__metadata__.golden`; `params` holds all settings of the operation. */
export interface GoldenMeta {
  readonly case: string;
  readonly op: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly tolerance: Readonly<Record<string, Tolerance>>;
  readonly zeroGrad?: readonly string[];
  readonly doubles?: Readonly<Record<string, readonly (number | null)[] | number | null>>;
  readonly parameters?: readonly string[];
  readonly buffers?: readonly string[];
  readonly [key: string]: unknown;
}

export interface Golden extends GoldenMeta {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  has(name: string): boolean;
  shape(name: string): readonly number[];
  /** Float32 values of a tensor; throws where it is absent or of another type. */
  f32(name: string): Float32Array<ArrayBuffer>;
  /** Values of an integer tensor (I64, U8) as plain numbers. */
  ints(name: string): number[];
  /** Compares with the tensor of this name, by its own tolerance. */
  expectClose(name: string, actual: ArrayLike<number>): void;
}

/** Case names of a folder without `.safetensors`, sorted, e.g. `listGolden('ops', 'conv2d_')`; [] where the fixtures are absent. */
export function listGolden(folder: string, prefix = ''): string[] {
  if (!goldenPresent) return [];
  return readdirSync(join(GOLDEN_DIR, folder))
    .filter((file) => file.startsWith(prefix) && file.endsWith('.safetensors'))
    .map((file) => `${folder}/${basename(file, '.safetensors')}`)
    .sort();
}

/** One case, by its path below the fixture folder, e.g. `ops/relu_00` (the ending may be left out). */
export function loadGolden(relativePath: string): Golden {
  const name = relativePath.replace(/\.safetensors$/, '');
  const { tensors, metadata } = readSafetensors(readFileSync(join(GOLDEN_DIR, `${name}.safetensors`)), name);
  const meta = JSON.parse(metadata.golden ?? '{}') as GoldenMeta;
  const tensor = (key: string): StoredTensor => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name} has no tensor '${key}'; it has ${[...tensors.keys()].join(', ')}.`);
    return found;
  };
  const f32 = (key: string): Float32Array<ArrayBuffer> => {
    const { dtype, data } = tensor(key);
    if (dtype !== 'F32') throw new Error(`${name}: '${key}' is ${dtype}, not F32.`);
    return data;
  };
  const ints = (key: string): number[] => Array.from(tensor(key).data, Number);
  return {
    ...meta,
    tensors,
    has: (key) => tensors.has(key),
    shape: (key) => tensor(key).shape,
    f32,
    ints,
    expectClose: (key, actual) => {
      const integer = tensor(key).dtype !== 'F32';
      expectClose(actual, integer ? ints(key) : f32(key), integer ? { abs: 0 } : (meta.tolerance[key] ?? { abs: 0 }), `${name} ${key}`);
    },
  };
}

/**
 * Fails where `actual` leaves the tolerance around `expected`, naming the worst entry. NaN matches only NaN, an infinity only itself.
 */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance, name = 'result'): void {
  if (actual.length !== expected.length) throw new Error(`${name}: ${actual.length} values, expected ${expected.length}.`);
  const { abs = Infinity, l2, each } = tolerance;
  if (abs === Infinity && l2 === undefined && each === undefined) throw new Error(`${name}: the tolerance bounds nothing.`);
  let worst = -1; // entry furthest beyond its own bound, or, within bounds, nearest to it
  let worstExcess = -Infinity;
  let errorSquares = 0;
  let expectedSquares = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = distance(actual[i]!, expected[i]!);
    const excess = error - Math.min(abs, each?.[i] ?? Infinity);
    if (worst < 0 || excess > worstExcess) [worst, worstExcess] = [i, excess];
    if (!Number.isFinite(expected[i])) continue;
    errorSquares += error ** 2;
    expectedSquares += expected[i]! ** 2;
  }
  const at = worst < 0 ? 'empty' : `worst at [${worst}]: ${actual[worst]}, expected ${expected[worst]}`;
  if (worst >= 0 && !(worstExcess <= 0)) {
    throw new Error(
      `${name}: ${at}, off by ${worstExcess + Math.min(abs, each?.[worst] ?? Infinity)}, bound ${Math.min(abs, each?.[worst] ?? Infinity)}.`,
    );
  }
  if (l2 !== undefined && !(Math.sqrt(errorSquares) <= l2 * Math.sqrt(expectedSquares))) {
    const relative = Math.sqrt(errorSquares / expectedSquares);
    throw new Error(`${name}: relative error ${relative} (2-norm), bound ${l2}; ${at}.`);
  }
}

function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const error = Math.abs(a - b);
  return Number.isNaN(error) ? Infinity : error;
}
