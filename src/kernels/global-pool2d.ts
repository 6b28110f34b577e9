import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

export function globalAvgPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NC'>): void {
  const { images, plane } = planes(x);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x })) {
    const params = { plane, total: x.dim('C'), firstChannel, ...views };
    r.dispatch(shaders.globalAvgPool2d, { buffers: { ...buffers, y: y.buffer }, params, grid: [channels, images, 1] });
  }
}

export function globalAvgPool2dGrad(r: Recorder, dy: Tensor<'NC'>, dx: Tensor<'NCHW'>): void {
  const { images, plane } = planes(dx);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ dx })) {
    const params = { plane, total: dx.dim('C'), firstChannel, ...views };
    const grid = planeGrid(plane, channels, images, shaders.globalAvgPool2dGrad.overrides.WG);
    r.dispatch(shaders.globalAvgPool2dGrad, { buffers: { ...buffers, dy: dy.buffer }, params, grid });
  }
}

/** `index` holds 32-bit unsigned integers: row * W + column of the winner. */
export function globalMaxPool2d(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NC'>, index: Tensor<'NC'>): void {
  const { images, plane } = planes(x);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x })) {
    const params = { plane, total: x.dim('C'), firstChannel, ...views };
    r.dispatch(shaders.globalMaxPool2d, { buffers: { ...buffers, y: y.buffer, index: index.buffer }, params, grid: [channels, images, 1] });
  }
}

export function globalMaxPool2dGrad(r: Recorder, dy: Tensor<'NC'>, index: Tensor<'NC'>, dx: Tensor<'NCHW'>): void {
  const { images, plane } = planes(dx);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ dx })) {
    const params = { plane, total: dx.dim('C'), firstChannel, ...views };
    const grid = planeGrid(plane, channels, images, shaders.globalMaxPool2dGrad.overrides.WG);
    r.dispatch(shaders.globalMaxPool2dGrad, { buffers: { ...buffers, dy: dy.buffer, index: index.buffer }, params, grid });
  }
}
