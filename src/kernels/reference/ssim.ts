import { avgPool2d, avgPool2dGrad } from './avg-pool2d.js';

/** Planes [H, W] of probabilities and of targets. */
export interface SsimInputs {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly target: Float64Array;
  /** Side and standard deviation of the Gaussian window, pixels. */
  readonly windowSize: number;
  readonly sigma: number;
  readonly k1: number;
  readonly k2: number;
  readonly dataRange: number;
}

export interface MsSsimInputs extends SsimInputs {
  /** Exponent of every level, finest first. */
  readonly weights: readonly number[];
  readonly least: number;
}

/** The index itself, or contrast-structure alone. */
type Part = 'ssim' | 'cs';

/** Mean over all windows inside of every plane, by the textbook formulas with a window of K x K, float64. */
export function ssimMeans(x: Float64Array, s: SsimInputs, part: Part): Float64Array {
  const means = new Float64Array(s.planes);
  forEachWindow(x, s, part, ({ plane, value, share }) => (means[plane] = means[plane]! + share * value));
  return means;
}

/** Gradient of sum(means * dy) by x. */
export function ssimMeansGrad(x: Float64Array, s: SsimInputs, part: Part, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(x.length);
  forEachWindow(x, s, part, ({ plane, share, byMean, bySquare, byProduct, pixels }) => {
    for (const { at, weight } of pixels)
      dx[at] = dx[at]! + dy[plane]! * share * weight * (byMean + 2 * bySquare * x[at]! + byProduct * s.target[at]!);
  });
  return dx;
}

/** 1 - mean SSIM. */
export function ssimLoss(x: Float64Array, s: SsimInputs): number {
  return 1 - ssimMeans(x, s, 'ssim').reduce((a, b) => a + b, 0) / s.planes;
}

export function ssimLossGrad(x: Float64Array, s: SsimInputs): Float64Array {
  return ssimMeansGrad(x, s, 'ssim', new Float64Array(s.planes).fill(-1 / s.planes));
}

/** 1 - mean over planes of the product of cs of all levels but the last and ssim of the last, each to its weight. */
export function msSsimLoss(x: Float64Array, s: MsSsimInputs): number {
  const means = levelsOf(x, s).map(({ x: map, inputs, part }) => ssimMeans(map, inputs, part));
  let sum = 0;
  for (let plane = 0; plane < s.planes; plane++) sum += s.weights.reduce((p, w, l) => p * Math.max(means[l]![plane]!, s.least) ** w, 1);
  return 1 - sum / s.planes;
}

export function msSsimLossGrad(x: Float64Array, s: MsSsimInputs): Float64Array {
  const levels = levelsOf(x, s);
  const means = levels.map(({ x: map, inputs, part }) => ssimMeans(map, inputs, part));
  let coarser: Float64Array | undefined;
  for (const [l, { x: map, inputs, part }] of [...levels.entries()].toReversed()) {
    const dMeans = Float64Array.from({ length: s.planes }, (_, plane) => {
      if (means[l]![plane]! < s.least) return 0;
      const slopes = s.weights.map((w, k) => {
        const v = Math.max(means[k]![plane]!, s.least);
        return k === l ? w * v ** (w - 1) : v ** w;
      });
      return -slopes.reduce((a, b) => a * b, 1) / s.planes;
    });
    const dx = ssimMeansGrad(map, inputs, part, dMeans);
    const below = coarser && avgPool2dGrad(coarser, s.planes, halved(inputs), HALVING, true);
    coarser = below ? dx.map((v, i) => v + below[i]!) : dx;
  }
  return coarser ?? new Float64Array(x.length);
}

const HALVING = { kernelSize: 2, stride: 2, padding: 0 };

function halved({ height, width }: { readonly height: number; readonly width: number }) {
  return { height, width, outHeight: Math.floor(height / 2), outWidth: Math.floor(width / 2) };
}

/** Means over 2x2 pixels from level to level. */
function levelsOf(x: Float64Array, s: MsSsimInputs): { x: Float64Array; inputs: SsimInputs; part: Part }[] {
  const levels: { x: Float64Array; inputs: SsimInputs; part: Part }[] = [];
  let [map, inputs]: [Float64Array, SsimInputs] = [x, s];
  for (const l of s.weights.keys()) {
    levels.push({ x: map, inputs, part: l === s.weights.length - 1 ? 'ssim' : 'cs' });
    const sizes = halved(inputs);
    const half = (m: Float64Array): Float64Array => avgPool2d(m, s.planes, sizes, HALVING, true);
    [map, inputs] = [half(map), { ...inputs, height: sizes.outHeight, width: sizes.outWidth, target: half(inputs.target) }];
  }
  return levels;
}

interface Window {
  readonly plane: number;
  /** 1 / windows of a plane. */
  readonly share: number;
  readonly value: number;
  /** Derivatives of the value by the window's mean of x, of x^2, and of x * target. */
  readonly byMean: number;
  readonly bySquare: number;
  readonly byProduct: number;
  readonly pixels: readonly { readonly at: number; readonly weight: number }[];
}

function forEachWindow(x: Float64Array, s: SsimInputs, part: Part, visit: (window: Window) => void): void {
  const taps = gaussian(s.windowSize, s.sigma);
  const [outHeight, outWidth] = [s.height - s.windowSize + 1, s.width - s.windowSize + 1];
  const [c1, c2] = [(s.k1 * s.dataRange) ** 2, (s.k2 * s.dataRange) ** 2];
  for (let o = 0; o < s.planes * outHeight * outWidth; o++) {
    const plane = Math.floor(o / (outHeight * outWidth));
    const [i, j] = [Math.floor(o / outWidth) % outHeight, o % outWidth];
    const pixels = taps.flatMap((a, u) => taps.map((b, v) => ({ at: (plane * s.height + i + u) * s.width + j + v, weight: a * b })));
    const mean = (f: (at: number) => number): number => pixels.reduce((sum, { at, weight }) => sum + weight * f(at), 0);
    const mx = mean((at) => x[at]!);
    const my = mean((at) => s.target[at]!);
    const variances = mean((at) => x[at]! ** 2 + s.target[at]! ** 2) - mx ** 2 - my ** 2;
    const cov = mean((at) => x[at]! * s.target[at]!) - mx * my;
    const cs = (2 * cov + c2) / (variances + c2);
    const luminance = part === 'ssim' ? (2 * mx * my + c1) / (mx ** 2 + my ** 2 + c1) : 1;
    const dLuminance = part === 'ssim' ? (2 * my - 2 * mx * luminance) / (mx ** 2 + my ** 2 + c1) : 0;
    const bySquare = (-luminance * cs) / (variances + c2);
    const byProduct = (2 * luminance) / (variances + c2);
    const byMean = cs * dLuminance - 2 * bySquare * mx - byProduct * my;
    visit({ plane, share: 1 / (outHeight * outWidth), value: luminance * cs, byMean, bySquare, byProduct, pixels });
  }
}

function gaussian(size: number, sigma: number): number[] {
  const weights = Array.from({ length: size }, (_, k) => Math.exp(-((k - (size - 1) / 2) ** 2) / (2 * sigma ** 2)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}
