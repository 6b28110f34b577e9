import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** Rows of y that an invocation of the strips' kernel computes, and rows of dx of its transpose. */
const { ROWS } = shaders.bilinearStrips.overrides;
const { ROWS: GRAD_ROWS } = shaders.bilinearStripsGrad.overrides;

/** The whole, even factor by which an axis grows, if the strips' kernels have room for it. */
function evenScale(size: number, outSize: number): number | null {
  const scale = outSize / size;
  return scale % 2 === 0 && scale <= ROWS ? scale : null;
}

/** y = x resampled to the size of y. */
export function bilinear(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>): void {
  const [height, width, outHeight, outWidth] = [x.dim('H'), x.dim('W'), y.dim('H'), y.dim('W')];
  const scale = evenScale(height, outHeight);
  if (scale === null) {
    plainBilinear(r, x, y);
    return;
  }
  const columns = Math.ceil(((height + 1) * scale) / ROWS) * outWidth;
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.bilinearStrips, {
      buffers,
      params: { height, width, outHeight, outWidth, columns, ...views },
      overrides: { SCALE: scale },
      grid: planeGrid(columns, channels, x.dim('N'), shaders.bilinearStrips.overrides.WG, 1),
    });
  }
}

/** Any sizes. */
export function plainBilinear(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>): void {
  const { WG, CHANNELS } = shaders.bilinear.overrides;
  const [height, width, outHeight, outWidth] = [x.dim('H'), x.dim('W'), y.dim('H'), y.dim('W')];
  for (const { channels, buffers, views } of channelRuns({ x, y })) {
    const grid = planeGrid(outHeight * outWidth, Math.ceil(channels / CHANNELS), x.dim('N'), WG, 1);
    r.dispatch(shaders.bilinear, { buffers, params: { height, width, outHeight, outWidth, channels, ...views }, grid });
  }
}

/** Gradient of x: the transpose along H at full width, then along W. 2 reads of dy instead of 4, and the second pass is small. */
export function bilinearGrad(r: Recorder, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>): void {
  const [height, width, outHeight, outWidth] = [dx.dim('H'), dx.dim('W'), dy.dim('H'), dy.dim('W')];
  let rows = dy;
  if (outHeight !== height) {
    rows = r.empty('NCHW', [dx.dim('N'), dx.dim('C'), height, outWidth], 'bilinear gradient along H');
    const scale = evenScale(height, outHeight);
    if (scale !== null) stripsGrad(r, dy, rows, scale);
    else axisGrad(r, dy, rows, { outer: 1, size: height, outSize: outHeight, inner: outWidth });
  }
  axisGrad(r, rows, dx, { outer: height, size: width, outSize: outWidth, inner: 1 });
}

/** Along H alone. */
function stripsGrad(r: Recorder, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, scale: number): void {
  const [height, width, outHeight] = [dx.dim('H'), dx.dim('W'), dy.dim('H')];
  const columns = Math.ceil(height / GRAD_ROWS) * width;
  for (const { channels, buffers, views } of channelRuns({ dy, dx })) {
    r.dispatch(shaders.bilinearStripsGrad, {
      buffers,
      params: { height, width, outHeight, columns, ...views },
      overrides: { SCALE: scale },
      grid: planeGrid(columns, channels, dx.dim('N'), shaders.bilinearStripsGrad.overrides.WG, 1),
    });
  }
}

/** A plane is [outer, axis, inner]; the axis has `outSize` pixels in dy and `size` in dx. */
interface Axis {
  readonly outer: number;
  readonly size: number;
  readonly outSize: number;
  readonly inner: number;
}

function axisGrad(r: Recorder, dy: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, { outer, size, outSize, inner }: Axis): void {
  const { WG, CHANNELS } = shaders.bilinearGrad.overrides;
  for (const { channels, buffers, views } of channelRuns({ dy, dx })) {
    const grid = planeGrid(outer * size * inner, Math.ceil(channels / CHANNELS), dx.dim('N'), WG, 1);
    r.dispatch(shaders.bilinearGrad, { buffers, params: { outer, size, outSize, inner, channels, ...views }, grid });
  }
}
