import type { Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { mapLanes } from './map-view.js';
import { partialSum } from './partial-sum.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

export interface SsimInputs {
  readonly x: Tensor<'NCHW'>;
  readonly target: Tensor<'NCHW'>;
  /** Taps of the window along one axis, sum 1. */
  readonly taps: BufferRef;
  /** How many: the side of the window, pixels. */
  readonly kernelSize: number;
}

export interface SsimSettings {
  /** Constants below the line of luminance and of contrast-structure. */
  readonly c1: number;
  readonly c2: number;
  /** The whole index, or contrast-structure alone. */
  readonly withLuminance: boolean;
}

/** A normalised Gaussian window along one axis, for kernels to read. */
export function gaussianTaps(r: Recorder, kernelSize: number, sigma: number): BufferRef {
  const weights = Array.from({ length: kernelSize }, (_, k) => Math.exp(-((k - (kernelSize - 1) / 2) ** 2) / (2 * sigma ** 2)));
  const sum = weights.reduce((a, b) => a + b, 0);
  const taps = Float32Array.from(weights, (w) => w / sum);
  return r.constant(new Uint32Array(taps.buffer), 'Gaussian window');
}

/** Elements of `slopes`: three per window. */
export function ssimSlopes(inputs: SsimInputs): number {
  return 3 * sizes(inputs).count;
}

/** Mean per image and channel, and what the gradient needs of every window into `slopes`. */
export function ssim(
  r: Recorder,
  inputs: SsimInputs,
  { c1, c2, withLuminance }: SsimSettings,
  means: Tensor<'NC'>,
  slopes: Tensor<'E'>,
): void {
  const { x, target, taps, kernelSize } = inputs;
  const { images, channels, height, width, outHeight, outWidth, rowCount, count } = sizes(inputs);
  const rows = r.empty('E', [4 * rowCount], 'SSIM moments of rows').buffer;
  r.dispatch(shaders.ssimRows, {
    buffers: { x: x.buffer, y: target.buffer, taps, rows },
    params: { height, width, outWidth, kernelSize, count: rowCount },
    grid: planeGrid(height * outWidth, channels, images, shaders.ssimRows.overrides.WG),
  });
  const plane = outHeight * outWidth;
  const { lanes, count: partialCount, grid } = mapLanes({ images, channels, plane }, shaders.ssim.overrides.WG);
  const partials = r.empty('CK', [images * channels, lanes], 'SSIM partial sums');
  r.dispatch(shaders.ssim, {
    buffers: { rows, taps, slopes: slopes.buffer, partials: partials.buffer },
    params: {
      rowHeight: height,
      width: outWidth,
      plane,
      kernelSize,
      rowCount,
      count,
      partialCount,
      lanes,
      c1,
      c2,
      withLuminance: withLuminance ? 1 : 0,
      share: 1 / plane,
    },
    grid,
  });
  partialSum(r, partials, means);
}

export function ssimGrad(r: Recorder, inputs: SsimInputs, slopes: Tensor<'E'>, dy: Tensor, dx: Tensor<'NCHW'>): void {
  const { x, target, taps, kernelSize } = inputs;
  const { images, channels, height, width, outHeight, outWidth, rowCount, count } = sizes(inputs);
  const columns = r.empty('E', [3 * rowCount], 'SSIM gradient of columns').buffer;
  r.dispatch(shaders.ssimColumnsGrad, {
    buffers: { slopes: slopes.buffer, taps, columns },
    params: { height, outHeight, outWidth, kernelSize, count, columnCount: rowCount },
    grid: planeGrid(height * outWidth, channels, images, shaders.ssimColumnsGrad.overrides.WG),
  });
  r.dispatch(shaders.ssimGrad, {
    buffers: { x: x.buffer, y: target.buffer, columns, taps, dy: dy.buffer, dx: dx.buffer },
    params: { height, width, outWidth, kernelSize, columnCount: rowCount, share: 1 / (outHeight * outWidth) },
    grid: planeGrid(height * width, channels, images, shaders.ssimGrad.overrides.WG),
  });
}

function sizes({ x, kernelSize }: SsimInputs) {
  const [images, channels, height, width] = [x.dim('N'), x.dim('C'), x.dim('H'), x.dim('W')];
  const [outHeight, outWidth] = [height - kernelSize + 1, width - kernelSize + 1];
  const rowCount = images * channels * height * outWidth;
  return { images, channels, height, width, outHeight, outWidth, rowCount, count: images * channels * outHeight * outWidth };
}
