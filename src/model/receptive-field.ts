import type { UNet3PlusConfig } from './config.js';
import { LEVELS } from './unet3plus.js';

/**
 * A run of pixels along one axis, first and last. Every operation looks equally far along both axes, and none looks less far to
 * a side from a pixel further to that side, so the two ends say all that a stack of operations reads.
 */
type Span = readonly [first: number, last: number];

/** Tiles start at multiples of this, so that all poolings fall as in the untiled run, px. */
const ALIGNMENT = 2 ** (LEVELS - 1);

const hull = (spans: readonly Span[]): Span => [Math.min(...spans.map(([a]) => a)), Math.max(...spans.map(([, b]) => b))];

// What an operation reads for the outputs in `span`: a convolution that looks `reach` pixels to each side, ...
const convReads = ([a, b]: Span, reach = 1): Span => [a - reach, b + reach];
/** ... a pooling by `factor` without overlap ... */
const poolReads = ([a, b]: Span, factor: number): Span => [a * factor, (b + 1) * factor - 1];
/** ... and bilinear enlarging by `factor`, half-pixel centres: the pixel before the output's centre and the one after. */
const enlargeReads = ([a, b]: Span, factor: number): Span => {
  const before = (i: number): number => (factor === 1 ? i : Math.floor((i + 0.5) / factor - 0.5));
  return [before(a), before(b) + (factor === 1 ? 0 : 1)];
};

/** Input pixels that X_En of level k reads: two convolutions per level. The image pyramid looks no further than the poolings. */
function encoderReads(k: number, span: Span): Span {
  const input = convReads(span, 2);
  return k === 0 ? input : encoderReads(k - 1, poolReads(input, 2));
}

/** Input pixels that X_De of level k reads. */
function decoderReads(config: UNet3PlusConfig, k: number, span: Span): Span {
  if (k === LEVELS - 1) {
    const context = config.context ? Math.max(...config.context.dilations, (config.context.window - 1) / 2) : 0;
    return encoderReads(k, convReads(span, context));
  }
  const branch = convReads(span);
  const sources = Array.from({ length: LEVELS }, (_, s) => {
    if (s <= k) return encoderReads(s, poolReads(convReads(branch), 2 ** (k - s)));
    const factor = 2 ** (s - k);
    const isEnlargedFirst = config.upsampling === 'before-conv';
    return decoderReads(config, s, isEnlargedFirst ? enlargeReads(convReads(branch), factor) : convReads(enlargeReads(branch, factor)));
  });
  return hull(sources);
}

/** Input pixels that every output of the network reads for the pixels in `span`: maps, and features and heads that classes pool over. */
function networkReads(config: UNet3PlusConfig, span: Span): Span {
  const levels = Array.from({ length: config.deepSupervision ? LEVELS : 1 }, (_, k) => k);
  const head = (k: number, pixels: Span): Span => decoderReads(config, k, convReads(pixels));
  const own = levels.map((k) => head(k, [Math.floor(span[0] / 2 ** k), Math.floor(span[1] / 2 ** k)]));
  return hull(config.fusedHead ? [...own, ...levels.map((k) => head(k, enlargeReads(span, 2 ** k)))] : own);
}

/** How many input pixels an output pixel looks to each side, at most (coarse scales by their cell), px. */
export function receptiveRadius(config: UNet3PlusConfig): number {
  const radii = Array.from({ length: ALIGNMENT }, (_, x) => {
    const [first, last] = networkReads(config, [x, x]);
    return Math.max(x - first, last - x);
  });
  return Math.max(...radii);
}

/**
 * Pixels around a tile's core that make tiled inference equal to untiled, a multiple of 16. Less than the radius: cores end where
 * cells of the coarsest scale end, and the pixel that looks furthest to the left is the last of its cell.
 */
export function tileHalo(config: UNet3PlusConfig): number {
  const [first, last] = networkReads(config, [0, ALIGNMENT - 1]);
  return Math.ceil(Math.max(-first, last - (ALIGNMENT - 1)) / ALIGNMENT) * ALIGNMENT;
}
