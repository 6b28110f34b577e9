import type { Recorder } from '../runtime/recorder.js';
import { stored, type Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planeGrid } from './plane-grid.js';
import { poolParams, type PoolWindow } from './pool-window.js';
import * as shaders from './shaders.gen.js';

/** Largest side of a window whose winner one byte tells, pixels. */
const MAX_TILE = 16;

/** Windows side by side: the winner of each is a byte, four of a column in one word. */
export function areTiles({ kernelSize, stride, padding }: PoolWindow): boolean {
  return stride === kernelSize && padding === 0 && kernelSize <= MAX_TILE;
}

/** y = maxima of x, which may be pending where windows lie side by side. Returns the winners, for `maxPool2dGrad` of the same window. */
export function maxPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, window: PoolWindow): Tensor<'NCHW'> {
  if (!areTiles(window)) return plainMaxPool2d(r, x, y, window);
  const { height, width, outHeight, outWidth } = poolParams(x, y, window);
  const strips = Math.ceil(outHeight / 4);
  const codes = r.empty('NCHW', [y.dim('N'), y.dim('C'), strips, outWidth], 'max pool codes', 'f32');
  for (const { channels, buffers, views, tables } of channelRuns({ x: stored(x), y, codes })) {
    r.dispatch(shaders.maxPool2dTiles, {
      buffers: { ...buffers, table: tables.x ?? buffers.x },
      params: { height, width, outHeight, outWidth, strips, ...views },
      overrides: { SIDE: window.kernelSize, NORM: Number(x.pending) },
      grid: planeGrid(strips * outWidth, channels, x.dim('N'), shaders.maxPool2dTiles.overrides.WG, 1),
    });
  }
  return codes;
}

/** @param index what `maxPool2d` returned */
export function maxPool2dGrad(r: Recorder, dy: Tensor<'NCHW'>, index: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, window: PoolWindow): void {
  if (!areTiles(window)) {
    plainMaxPool2dGrad(r, dy, index, dx, window);
    return;
  }
  const { height, width, outHeight, outWidth, kernelSize } = poolParams(dx, dy, window);
  const strips = Math.ceil(outHeight / 4);
  const columns = Math.ceil(height / (4 * kernelSize)) * width;
  for (const { channels, buffers, views } of channelRuns({ dy, codes: index, dx })) {
    r.dispatch(shaders.maxPool2dTilesGrad, {
      buffers,
      params: { height, width, outHeight, outWidth, strips, columns, ...views },
      overrides: { SIDE: kernelSize },
      grid: planeGrid(columns, channels, dx.dim('N'), shaders.maxPool2dTilesGrad.overrides.WG, 1),
    });
  }
}

/** Any window. The winners, of y's shape, are 32-bit unsigned integers: row * W + column. */
export function plainMaxPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, window: PoolWindow): Tensor<'NCHW'> {
  const { WG, CHANNELS } = shaders.maxPool2d.overrides;
  const index = r.empty('NCHW', y.shape, 'max pool index', 'f32');
  for (const { channels, buffers, views } of channelRuns({ x, y, index })) {
    const grid = planeGrid(y.dim('H') * y.dim('W'), Math.ceil(channels / CHANNELS), x.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2d, { buffers, params: { ...poolParams(x, y, window), channels, ...views }, grid });
  }
  return index;
}

/** @param index what `plainMaxPool2d` returned */
export function plainMaxPool2dGrad(r: Recorder, dy: Tensor<'NCHW'>, index: Tensor<'NCHW'>, dx: Tensor<'NCHW'>, window: PoolWindow): void {
  const { WG, CHANNELS } = shaders.maxPool2dGrad.overrides;
  for (const { channels, buffers, views } of channelRuns({ dy, index, dx })) {
    const grid = planeGrid(dx.dim('H') * dx.dim('W'), Math.ceil(channels / CHANNELS), dx.dim('N'), WG, 1);
    r.dispatch(shaders.maxPool2dGrad, { buffers, params: { ...poolParams(dx, dy, window), channels, ...views }, grid });
  }
}
