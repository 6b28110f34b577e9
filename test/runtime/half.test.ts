import { describe, expect, it } from 'vitest';
import { Random } from '../../src/random.js';
import { fromHalves, toHalves } from '../../src/runtime/half.js';

const EVERY_HALF = Uint16Array.from({ length: 65536 }, (_, half) => half);
/** All finite halves from 0 up, by their bits. */
const POSITIVE = fromHalves(EVERY_HALF.subarray(0, 0x7c00));

const half = (value: number): number => toHalves(Float32Array.of(value))[0] ?? -1;

describe('halves as floats', () => {
  it.each([
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
  ])('%i is the number that IEEE 754 says', (bits, value) => {
    expect(fromHalves(Uint16Array.of(bits))[0]).toBe(value);
  });

  it('keep the sign of zero, and NaN', () => {
    expect(fromHalves(Uint16Array.of(0x8000))[0]).toBe(-0);
    expect(fromHalves(Uint16Array.of(0x7e00, 0xfc01))).toEqual(Float32Array.of(NaN, NaN));
  });

  it('come back to the same bits, each of them', () => {
    const isNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    const back = toHalves(fromHalves(EVERY_HALF));
    expect(EVERY_HALF.filter((bits) => !isNaN(bits) && back[bits] !== bits)).toEqual(new Uint16Array());
    expect(EVERY_HALF.filter((bits) => isNaN(bits) && !isNaN(back[bits] ?? 0))).toEqual(new Uint16Array());
  });
});

describe('floats as halves', () => {
  it('are the nearest half, ties to the even one, between any two of them', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low = 0, high = 0] = POSITIVE.subarray(bits, bits + 2);
      const tie = (low + high) / 2; // exact: a float has 13 bits more
      const [below, above] = [Math.fround(tie * (1 - 2 ** -23)), Math.fround(tie * (1 + 2 ** -23))];
      const even = bits % 2 === 0 ? bits : bits + 1;
      const right = half(tie) === even && half(below) === bits && half(above) === bits + 1 && half(-tie) === even + 0x8000;
      if (!right) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('round to infinity from halfway beyond the largest half, and to zero up to half of the least', () => {
    expect([65504, 65519.99609375, 65520, 1e30, Infinity].map(half)).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00]);
    expect([2 ** -25, 2 ** -25 * (1 + 2 ** -23), 1e-40, -1e-40].map(half)).toEqual([0, 1, 0, 0x8000]);
  });

  it('stay NaN, whatever the bits', () => {
    for (const bits of [0x7f800001, 0x7fc00000, 0xff802000]) {
      const found = toHalves(new Float32Array(Uint32Array.of(bits).buffer))[0] ?? 0;
      expect(found & 0x7fff).toBeGreaterThan(0x7c00);
    }
  });

  it('are off by no more than 2^-11 of a normal number', () => {
    const random = new Random(1);
    const values = Float32Array.from({ length: 10_000 }, () => random.normal() * 2 ** (10 * random.normal()));
    const normal = values.filter((v) => Math.abs(v) >= 2 ** -14 && Math.abs(v) < 65504);
    const worst = Math.max(...fromHalves(toHalves(normal)).map((v, i) => Math.abs(v / (normal[i] ?? NaN) - 1)));
    expect(normal.length).toBeGreaterThan(5000);
    expect(worst).toBeLessThanOrEqual(2 ** -11);
  });

  it('are padded to whole words', () => {
    expect(toHalves(Float32Array.of(1, 1, 1))).toEqual(Uint16Array.of(0x3c00, 0x3c00, 0x3c00, 0));
  });
});
