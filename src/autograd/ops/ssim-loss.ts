import { pooledShape } from '../../kernels/pool-window.js';
import { msSsim, msSsimGrad, MOST_LEVELS, type MsSsimLevels } from '../../kernels/ms-ssim.js';
import * as kernels from '../../kernels/ssim.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { avgPool2d } from './avg-pool2d.js';
import { checkLossShapes } from './loss-shapes.js';
import { asFloats } from './map-type.js';

export interface SsimOptions {
  /** Side of the Gaussian window, pixels. */
  readonly windowSize?: number;
  /** Its standard deviation, pixels. */
  readonly sigma?: number;
  /** Constants of luminance and of contrast-structure, relative to the data's range. */
  readonly k1?: number;
  readonly k2?: number;
  /** Largest possible value less the least. */
  readonly dataRange?: number;
}

export interface MsSsimOptions extends SsimOptions {
  /** Exponent of every level, finest first: 1 to 5 levels. */
  readonly weights?: readonly number[];
}

/** Exponents of the five levels, from observers' judgements (Wang et al. 2003). */
const FIVE_LEVELS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/** The paper's powers need positive means; contrast-structure may be negative. */
const LEAST_MEAN = 1e-6;

/**
 * 1 - mean structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861) of x and target [N, C, H, W], over every window
 * that lies inside. Map logits by `maskedSigmoid` first.
 *
 * @throws RangeError where target is not as x, or x is smaller than the window
 */
export function ssimLoss(tape: Tape, x: Tensor<'NCHW'>, target: Tensor<'NCHW'>, options: SsimOptions = {}): Tensor<''> {
  checkWindow('ssimLoss', x, target, options, 1);
  const means = ssimMeans(tape, asFloats(tape, x), target, options, true);
  return productLoss(tape, { means: [means], weights: [1], least: -2 }, 'SSIM loss'); // no mean is below -1
}

/**
 * 1 - mean multi-scale structural similarity (Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216) of x and target [N, C, H, W]: per
 * image and channel the product of the mean contrast-structure of every level and the mean SSIM of the last, each to the power of
 * its weight; from level to level both are averaged over 2x2 pixels. Means below 1e-6 count as 1e-6. Map logits by `maskedSigmoid` first.
 *
 * @throws RangeError where target is not as x, the last level is smaller than the window, or there are not 1 to 5 positive weights
 */
export function msSsimLoss(tape: Tape, x: Tensor<'NCHW'>, target: Tensor<'NCHW'>, options: MsSsimOptions = {}): Tensor<''> {
  const { weights = FIVE_LEVELS, ...window } = options;
  if (weights.length < 1 || weights.length > MOST_LEVELS || !weights.every((w) => w > 0)) {
    throw new RangeError(
      `msSsimLoss: weights are [${weights.join(', ')}], expected 1 to ${MOST_LEVELS} positive numbers, one for each level. ` +
        `[${FIVE_LEVELS.join(', ')}] is usual.`,
    );
  }
  checkWindow('msSsimLoss', x, target, window, weights.length);
  let [map, truth] = [asFloats(tape, x), target];
  const means = weights.map((_, level) => {
    if (level > 0) [map, truth] = [halved(tape, map), halved(tape, truth)];
    return ssimMeans(tape, map, truth, window, level === weights.length - 1);
  });
  return productLoss(tape, { means, weights, least: LEAST_MEAN }, 'MS-SSIM loss');
}

/** Mean over the windows of every image and channel: SSIM, or contrast-structure alone. */
function ssimMeans(tape: Tape, x: Tensor<'NCHW'>, target: Tensor<'NCHW'>, options: SsimOptions, withLuminance: boolean): Tensor<'NC'> {
  const { windowSize, sigma, k1, k2, dataRange } = { ...DEFAULTS, ...options };
  const inputs = { x, target, taps: kernels.gaussianTaps(tape.recorder, windowSize, sigma), kernelSize: windowSize };
  const settings = { c1: (k1 * dataRange) ** 2, c2: (k2 * dataRange) ** 2, withLuminance };
  const means = tape.empty('NC', [x.dim('N'), x.dim('C')], 'SSIM means');
  const slopes = tape.empty('E', [kernels.ssimSlopes(inputs)], 'SSIM slopes');
  kernels.ssim(tape.recorder, inputs, settings, means, slopes);
  return tape.push(means, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.ssimGrad(tape.recorder, inputs, slopes, dy, dx);
    return [dx];
  });
}

const DEFAULTS = { windowSize: 11, sigma: 1.5, k1: 0.01, k2: 0.03, dataRange: 1 };

function productLoss(tape: Tape, levels: MsSsimLevels, label: string): Tensor<''> {
  const loss = tape.empty('', [], label);
  msSsim(tape.recorder, levels, loss);
  return tape.push(loss, levels.means, (dy) => msSsimGrad(tape.recorder, levels, dy));
}

/** Means over 2x2 pixels; float32 as x, also where maps are stored in half precision. */
function halved(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  const window = { kernelSize: 2, stride: 2, padding: 0 };
  const into = tape.empty('NCHW', pooledShape('msSsimLoss', x, window, false), x.label, 'f32');
  return avgPool2d(tape, x, { kernelSize: 2, into });
}

function checkWindow(loss: string, x: Tensor<'NCHW'>, target: Tensor<'NCHW'>, options: SsimOptions, levels: number): void {
  checkLossShapes(loss, x, { target });
  const { windowSize, sigma } = { ...DEFAULTS, ...options };
  if (!Number.isInteger(windowSize) || windowSize < 1 || !(sigma > 0))
    throw new RangeError(
      `${loss}: windowSize is ${windowSize} and sigma ${sigma}, expected a whole number of pixels from 1 on and more than 0. 11 and 1.5 are usual.`,
    );
  const [height, width] = [x.dim('H'), x.dim('W')];
  const halving = 2 ** (levels - 1);
  const [needed, fits] = [windowSize * halving, Math.floor(Math.min(height, width) / halving)];
  if (fits >= windowSize) return;
  const smaller = fits > 0 ? `, or a windowSize of at most ${fits}` : '';
  const fewer = levels > 1 ? ', or fewer levels (weights)' : '';
  throw new RangeError(
    `${loss}: x is ${height}x${width} px (${x.toString()}), expected at least ${needed}x${needed} px for a window of ${windowSize} px ` +
      `on ${levels === 1 ? '1 level' : `${levels} levels`}. Take larger maps${smaller}${fewer}.`,
  );
}
