import { describe, expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { Random } from '../../src/random.js';
import { asTheyAre } from '../../src/synth/as-they-are.js';
import { DEFAULT_SYNTH } from '../../src/synth/priors.js';
import { sampleMarginPx, synthesize } from '../../src/synth/sample.js';

const CONFIG = { ...DEFAULT_SYNTH, patch: 48 };
const SIDE = CONFIG.patch + 2 * sampleMarginPx(CONFIG);

/** Uneven tissue that leaves room for calcifications. */
function tissue(): GrayImage {
  const image = createImage(SIDE, SIDE);
  const random = new Random(3);
  for (let i = 0; i < image.data.length; i++) image.data[i] = 0.4 + 0.02 * random.normal();
  return image;
}

describe('as they are', () => {
  it('leaves everything but the calcifications as it is, up to one factor', () => {
    const background = tissue();
    const config = asTheyAre({ ...CONFIG, positiveFraction: 0 });
    const { raw } = synthesize(background, config, new Random(7));
    const from = (SIDE - raw.width) / 2;
    const ratios = Array.from(raw.data, (v, i) => v / background.data[(from + Math.floor(i / raw.width)) * SIDE + from + (i % raw.width)]!);
    expect(Math.max(...ratios) / Math.min(...ratios)).toBeLessThan(1 + 1e-3);
  });

  it('draws the calcifications that are drawn otherwise, with the contrast that they need there', () => {
    const background = tissue();
    const config = { ...CONFIG, positiveFraction: 1, physics: { ...CONFIG.physics, leastSnr: 0, visibleSnr: 0 } };
    const usual = synthesize(background, config, new Random(5)).mcs;
    expect(usual.length).toBeGreaterThan(0);
    expect(synthesize(background, asTheyAre(config), new Random(5)).mcs).toEqual(usual);
  });
});
