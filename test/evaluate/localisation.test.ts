import { describe, expect, test } from 'vitest';
import { localise } from '../../src/evaluate/localisation.js';

const WIDTH = 10;
/** One of 2x2 px at (4, 2). */
const truth = {
  width: WIDTH,
  mask: new Uint8Array(60).map((_, i) => ([4, 5].includes(i % WIDTH) && [2, 3].includes(Math.floor(i / WIDTH)) ? 1 : 0)),
  mcs: [{ x: 4.5, y: 2.5 }],
  tolerance: 2,
};
const heat = (...spots: readonly (readonly [x: number, y: number, value: number])[]): Float32Array => {
  const map = new Float32Array(60);
  for (const [x, y, value] of spots) map[y * WIDTH + x] = value;
  return map;
};

describe('localisation', () => {
  test('energy is the share of the sum on the mask; the highest point may miss the centre by the tolerance', () => {
    expect(localise(heat([4, 2, 3], [9, 5, 1]), truth)).toEqual({ energy: 0.75, pointed: true });
    expect(localise(heat([6, 2, 3], [5, 3, 1]), truth)).toEqual({ energy: 0.25, pointed: true });
    expect(localise(heat([7, 2, 3], [5, 3, 1]), truth)).toEqual({ energy: 0.25, pointed: false });
  });

  test('an even map has the share of the area; an empty one points nowhere', () => {
    expect(localise(new Float32Array(60).fill(0.1), truth).energy).toBeCloseTo(4 / 60, 6);
    expect(localise(new Float32Array(60), truth)).toEqual({ energy: NaN, pointed: false });
  });
});
