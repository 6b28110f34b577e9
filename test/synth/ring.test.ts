import { describe, expect, it } from 'vitest';
import { phantomSource } from '../../src/synth/phantom.js';
import { DEFAULT_SYNTH } from '../../src/synth/priors.js';
import { ringSample } from '../../src/synth/ring.js';

const SMALL = { ...DEFAULT_SYNTH, patch: 64, phantom: { ...DEFAULT_SYNTH.phantom, textures: 1 } };
/** Nothing after the insertion looks beyond a pixel. */
const POINTWISE = { ...SMALL, degrade: { ...SMALL.degrade, blurFraction: 0, sharpenFraction: 0, jpegFraction: 0 } };
const source = phantomSource(SMALL);

describe('a ring', () => {
  it('is the same with and without its calcifications, bit for bit, where the levels are changed pixel by pixel', () => {
    for (let i = 0; i < 12; i++) {
      const untouched = ringSample(source, POINTWISE, 1, i, 'untouched');
      expect(ringSample(source, POINTWISE, 1, i, 'inserted')).toEqual(untouched);
      expect(untouched.covered.includes(1)).toBe(true);
    }
  });

  it('hides every calcification: what is covered is 0', () => {
    const { image, covered } = ringSample(source, SMALL, 1, 1, 'inserted');
    for (const [i, c] of covered.entries()) if (c === 1) expect(image.data[i]).toBe(0);
  });

  it('with the planted leak is smoother around what is covered', () => {
    let [fine, planted] = [0, 0];
    for (let i = 0; i < 12; i++) {
      fine += roughness(ringSample(source, POINTWISE, 1, i, 'untouched'));
      planted += roughness(ringSample(source, POINTWISE, 1, i, 'planted'));
    }
    expect(planted).toBeLessThan(0.95 * fine);
  });
});

/** Mean absolute step between uncovered neighbours. */
function roughness({ image, covered }: ReturnType<typeof ringSample>): number {
  const steps = [...covered].flatMap((c, i) =>
    i % image.width > 0 && c === 0 && covered[i - 1] === 0 ? [Math.abs(image.data[i]! - image.data[i - 1]!)] : [],
  );
  return steps.reduce((a, b) => a + b, 0) / steps.length;
}
