import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cropSplit, isHeldBack } from '../../src/data/splits.js';
import { dataPath } from './fixtures.js';

const sha = (firstByte: number): string => firstByte.toString(16).padStart(2, '0') + 'ab'.repeat(31);

describe('isHeldBack', () => {
  test('depends on the first byte alone: multiples of five are held back', () => {
    for (let byte = 0; byte < 256; byte++) expect(isHeldBack(sha(byte))).toBe(byte % 5 === 0);
    expect(isHeldBack(sha(0x0a).toUpperCase())).toBe(true);
  });

  test('anything but a sha256 is refused', () => {
    for (const text of ['', '0a', sha(0) + '0', 'zz'.repeat(32)]) expect(() => isHeldBack(text)).toThrow(/sha256/);
  });

  test.skipIf(!existsSync(dataPath('manifest.csv')))(
    'of the backgrounds in manifest.csv (MCGPU_DATA) the listed ones are held back',
    () => {
      const lines = readFileSync(dataPath('manifest.csv'), 'utf8').split('\n');
      const backgrounds = lines.filter((line) => line.startsWith('backgrounds/')).map((line) => line.split(','));
      const held = backgrounds.filter(([, , hash]) => isHeldBack(hash ?? '')).map(([path]) => path);
      const byHand = backgrounds.filter(([, , hash]) => Number(`0x${(hash ?? '').slice(0, 2)}`) % 5 === 0).map(([path]) => path);
      expect(backgrounds.length).toBeGreaterThan(0);
      expect(held).toEqual(byHand);
    },
  );
});

describe('cropSplit', () => {
  test('is fixed for ever: these patients were on these sides when the first figures were made', () => {
    expect(['P_00001', 'P_00004', 'P_00005', 'P_01019', 'P_02566'].map(cropSplit)).toMatchInlineSnapshot(`
      [
        "select",
        "report",
        "select",
        "select",
        "select",
      ]
    `);
  });

  test('halves a population of patients', () => {
    const select = Array.from({ length: 2000 }, (_, i) => `P_${String(i).padStart(5, '0')}`).filter((id) => cropSplit(id) === 'select');
    // five standard deviations of a fair coin over 2,000 throws
    expect(Math.abs(select.length - 1000)).toBeLessThan(112);
  });
});
