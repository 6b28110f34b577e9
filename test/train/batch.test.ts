import { describe, expect, it } from 'vitest';
import { createImage } from '../../src/data/image.js';
import { batchLayout, fillBatch } from '../../src/train/batch.js';

const P = 32;

function sampleWith(mask: number[], ignored: number[], classIndex: number) {
  const map = (pixels: number[]): Uint8Array => {
    const m = new Uint8Array(P * P);
    for (const i of pixels) m[i] = 1;
    return m;
  };
  return {
    image: { ...createImage(P, P), data: new Float32Array(P * P).fill(classIndex) },
    masks: [map([]), map(mask)],
    ignore: map(ignored),
    classIndex,
  };
}

describe('batch', () => {
  it('keeps every part at a bindable offset and none overlapping', () => {
    const layout = batchLayout(3, 48, 2, 5);
    const parts = [layout.image, ...layout.targets, ...layout.weights, layout.classes].sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const { offset, shape } of parts) {
      expect((4 * offset) % 256).toBe(0);
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + shape.reduce((product, s) => product * s, 1);
    }
    expect(layout.length).toBeGreaterThanOrEqual(end);
  });

  it('keeps a one-pixel MC visible at every scale, in its image and channel', () => {
    const layout = batchLayout(2, P, 2, 5);
    const data = new Float32Array(layout.length);
    fillBatch(layout, [sampleWith([], [], 0), sampleWith([5 * P + 30], [], 2)], data);
    for (const [k, { offset }] of layout.targets.entries()) {
      const s = P / 2 ** k;
      const all = data.subarray(offset, offset + 4 * s * s);
      expect(all.reduce((sum, v) => sum + v, 0)).toBe(1);
      expect(all[3 * s * s + Math.floor(5 / 2 ** k) * s + Math.floor(30 / 2 ** k)]).toBe(1);
    }
    expect([...data.subarray(layout.classes.offset, layout.classes.offset + 2)]).toEqual([0, 2]);
    expect(data[P * P]).toBe(2);
  });

  it('leaves ignored pixels out at every scale, but never an MC', () => {
    const layout = batchLayout(1, P, 2, 5);
    const data = new Float32Array(layout.length);
    fillBatch(layout, [sampleWith([0], [1, 20 * P + 20], 2)], data);
    for (const [k, { offset }] of layout.weights.entries()) {
      const s = P / 2 ** k;
      const zeros = [...data.subarray(offset, offset + s * s).entries()].filter(([, v]) => v === 0).map(([i]) => i);
      const far = Math.floor(20 / 2 ** k) * s + Math.floor(20 / 2 ** k);
      expect(zeros).toEqual(k === 0 ? [1, far] : [far]);
    }
  });
});
