import { describe, expect, test } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { DOG_GRID, DogDetector, type DogSettings } from '../../src/detect/dog.js';
import { bestByFroc, frocCurve, ruleB, RULE_B_RADIUS_MM, sensitivityAt, type FrocImage, type Mark } from '../../src/evaluate/froc.js';
import { Random } from '../../src/random.js';

const SPACING = 0.1;
const settings: DogSettings = { sigmasMm: [0.085, 0.12, 0.17, 0.24], ratio: 1.6, unit: 'white-noise' };

function disc(image: GrayImage, x: number, y: number, radius: number, height: number): void {
  for (let v = 0; v < image.height; v++)
    for (let u = 0; u < image.width; u++) {
      const inside = Math.min(Math.max(radius + 0.5 - Math.hypot(u - x, v - y), 0), 1);
      const i = v * image.width + u;
      image.data[i] = (image.data[i] ?? 0) + height * inside;
    }
}

function noise(random: Random, side: number): GrayImage {
  const image = createImage(side, side);
  for (let i = 0; i < image.data.length; i++) image.data[i] = random.normal();
  return image;
}

/** White noise of SD 1 with discs of 0.5 mm. */
function patches(seed: number, count: number): { image: GrayImage; marks: Mark[] }[] {
  return Array.from({ length: count }, (_, n) => {
    const random = new Random(seed, n);
    const image = noise(random, 64);
    const marks = Array.from({ length: 3 }, (_, k) => ({ x: random.uniform(6, 58), y: 10 + 20 * k + random.uniform(0, 4) }));
    for (const { x, y } of marks) disc(image, x, y, 2.5, 2);
    return { image, marks };
  });
}

describe('DogDetector', () => {
  test('finds a bright disc at its place and near its size, and nothing at a dark one', () => {
    const image = createImage(64, 64);
    disc(image, 40, 20, 2.5, 3);
    disc(image, 15, 45, 2.5, -3);
    const [best, second] = new DogDetector(image, SPACING).candidates(settings);
    expect(best).toMatchObject({ x: 40, y: 20 });
    expect(best?.diameterMm).toBeGreaterThan(0.3);
    expect(best?.diameterMm).toBeLessThan(0.8);
    expect(second?.score ?? 0).toBeLessThan((best?.score ?? 0) / 2);
  });

  test('the unit of white noise is the spread of the response to white noise, at every scale', () => {
    const detector = new DogDetector(noise(new Random(1), 200), SPACING);
    for (const sigma of [0.06, 0.12, 0.34]) {
      const [best] = detector.candidates({ sigmasMm: [sigma], ratio: 1.6, unit: 'white-noise' });
      // Maximum of about 10,000 normal values that hang together: 3 to 5 SD; score = SD / (SD + 4).
      const inSd = (4 * (best?.score ?? 0)) / (1 - (best?.score ?? 0));
      expect(inSd).toBeGreaterThan(2.5);
      expect(inSd).toBeLessThan(5.5);
    }
  });

  test('an even patch has no candidates', () => {
    for (const unit of ['white-noise', 'patch'] as const)
      expect(
        new DogDetector({ ...createImage(32, 32), data: new Float32Array(1024).fill(0.25) }, SPACING).candidates({ ...settings, unit }),
      ).toEqual([]);
  });

  test('settings chosen on one half of the patches find most discs of the other half, and beat the worst settings', () => {
    const detect = (list: { image: GrayImage; marks: Mark[] }[]) => {
      const detectors = list.map(({ image, marks }) => ({ detector: new DogDetector(image, SPACING), marks }));
      return (s: DogSettings): FrocImage[] => detectors.map(({ detector, marks }) => ({ detections: detector.candidates(s), marks }));
    };
    const rule = ruleB(RULE_B_RADIUS_MM / SPACING);
    const best = bestByFroc(DOG_GRID, detect(patches(1, 16)), rule, 0.5);
    if (!best) throw new Error('nothing was chosen');
    const test = detect(patches(2, 16));
    const sensitivity = (s: DogSettings): number => sensitivityAt(frocCurve(test(s), rule), 0.5);
    expect(sensitivity(best.settings)).toBeGreaterThan(0.85);
    expect(sensitivity(best.settings)).toBeGreaterThan(sensitivity({ sigmasMm: [0.06], ratio: 1.6, unit: 'white-noise' }));
  });
});
