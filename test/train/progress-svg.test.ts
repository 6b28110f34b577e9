import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { niceTicks, progressSvg, runningMean, type Curve } from '../../src/train/progress-svg.js';

const curve = (name: string, values: number[], noisy = false): Curve => ({
  name,
  noisy,
  points: values.map((value, i) => [i * 10, value]),
});
const draw = (curves: Curve[], logarithmic = false): string => progressSvg('heading', [{ title: 'panel', curves, logarithmic }], 'footer');

describe('niceTicks', () => {
  it.each([
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0, 20_000, [0, 5000, 10000, 15000, 20000]],
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [-0.7, 0.65, [-0.5, 0, 0.5]],
    [3e-7, 9e-7, [4e-7, 6e-7, 8e-7]],
  ])('between %d and %d are round', (low, high, ticks) => {
    expect(niceTicks(low, high)).toEqual(ticks);
  });
});

describe('runningMean', () => {
  it('of a constant is the constant from the first point on, and follows a jump slowly', () => {
    const points = Array.from({ length: 100 }, (_, i) => [i, i < 50 ? 2 : 4] as const);
    const means = runningMean(points).map(([, value]) => value);
    expect(means.slice(0, 50).every((value) => Math.abs(value - 2) < 1e-12)).toBe(true);
    expect(means[50]).toBeCloseTo(2.5, 5); // a quarter of the way: 100 points / 25 = 4
    expect(means[99]).toBeCloseTo(4, 4);
  });
});

describe('progressSvg', () => {
  it('is a picture that an SVG renderer takes, of the stated size', async () => {
    const svg = draw([curve('a <b> & c', [1, 2, 3]), curve('train/loss', [3, 2, 1], true)]);
    const { width, height, channels } = await sharp(Buffer.from(svg))
      .stats()
      .then(() => sharp(Buffer.from(svg)).metadata());
    expect([width, height, channels]).toEqual([470, 420, 4]);
    expect(svg).toContain('a &#60;b&#62; &#38; c 3.00');
  });

  it('places the largest value highest and the last step rightmost', () => {
    const [, points] = /<polyline points="([^"]+)"/.exec(draw([curve('y', [0, 0.5, 1])])) ?? [];
    expect(points).toBe('56,296 251,166 446,36');
  });

  it('uses a logarithmic axis only for positive values over more than a factor of ten', () => {
    const middle = (values: number[]): string | undefined => /<polyline points="\S+ (\S+) /.exec(draw([curve('y', values)], true))?.[1];
    expect(middle([100, 1, 0.01])).toBe('251,166');
    expect(middle([0, 1, 2])).not.toBe('251,166');
    expect(draw([curve('y', [100, 1, 0.01])], true)).toContain('>0.1<');
  });

  it.each([
    ['no curves', []],
    ['a curve of nothing but NaN', [curve('y', [NaN, NaN])]],
    ['one point', [curve('y', [0])]],
    ['a constant', [curve('y', [5, 5, 5])]],
    ['a negative constant', [curve('y', [-5, -5])]],
    ['a gap', [curve('y', [1, NaN, 3])]],
    ['zeros', [curve('y', [0, 0])]],
  ])('draws %s without NaN in it', (_, curves) => {
    for (const logarithmic of [false, true]) {
      const svg = draw(curves, logarithmic);
      expect(svg).not.toMatch(/="[^"]*(NaN|Infinity)/);
      expect(svg).toMatch(/<\/svg>\n$/);
    }
  });

  it('stays small for a long run', () => {
    expect(
      draw([
        curve(
          'train/loss',
          Array.from({ length: 100_000 }, (_, i) => Math.sin(i * i)),
          true,
        ),
      ]).length,
    ).toBeLessThan(30_000);
  });
});
