import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { Tensor, type Moments } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeShares, secondStage } from './partial-sum.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** Numbers per channel in the table of shaders/lib/batch-norm.wgsl. */
export const TABLE = 4;

/** Pixels per invocation of the passes over the map: enough that the three to five loads for its channel count little. */
const PIXELS = 8;

/** Scale and shift, and the running statistics that go with them. */
export interface BatchNormVectors {
  readonly weight: Tensor<'C'>;
  readonly bias: Tensor<'C'>;
  readonly runningMean: Tensor<'C'>;
  readonly runningVar: Tensor<'C'>;
}

/** x with a place for the table row of every channel, unless it has one: the other functions fill and read it. */
export function withTable(r: Recorder, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  const blocks = x.blocks.map((block) => (block.table ? block : { ...block, table: emptyTable(r, block.blockChannels) }));
  const z = new Tensor(x.axes, x.shape, blocks, x.label);
  z.moments = x.moments;
  return z;
}

/** A place for the table of a buffer of so many channels. */
export function emptyTable(r: Recorder, channels: number): BufferRef {
  return r.empty('CT', [channels, TABLE], 'batch norm table').buffer;
}

/** Fills x's table from the statistics of the batch; the running ones move by `momentum` towards them (0: they stay). */
export function batchNormTable(
  r: Recorder,
  x: Tensor<'NCHW'>,
  { weight, bias, runningMean, runningVar }: BatchNormVectors,
  { eps, momentum }: { eps: number; momentum: number },
): void {
  const { partial, partials } = x.moments ?? batchMoments(r, x);
  for (const run of channelRuns({ x })) {
    r.dispatch(shaders.batchNormTable, {
      buffers: {
        partial,
        table: tableOf(run),
        ...{ weight: weight.buffer, bias: bias.buffer, runningMean: runningMean.buffer, runningVar: runningVar.buffer },
      },
      params: { partials, eps, momentum, firstChannel: run.firstChannel, firstRow: run.views.xOffset },
      overrides: { WG: secondStage(partials) },
      grid: [run.channels, 1, 1],
    });
  }
}

function batchMoments(r: Recorder, x: Tensor<'NCHW'>): Moments {
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CKM', [x.dim('C'), partials, 3], 'batch moments').buffer;
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x })) {
    const count = channels * partials;
    r.dispatch(shaders.batchNormPartial, {
      buffers: { ...buffers, partial },
      params: { count, ...shares, first: firstChannel * partials, ...views },
      grid: flatGrid(count, shaders.batchNormPartial.overrides.WG),
    });
  }
  return { partial, partials };
}

/** Fills x's table from running statistics. */
export function batchNormRunningTable(
  r: Recorder,
  x: Tensor<'NCHW'>,
  { weight, bias, runningMean, runningVar }: BatchNormVectors,
  { eps }: { eps: number },
): void {
  for (const run of channelRuns({ x })) {
    r.dispatch(shaders.batchNormRunningTable, {
      buffers: {
        table: tableOf(run),
        ...{ weight: weight.buffer, bias: bias.buffer, runningMean: runningMean.buffer, runningVar: runningVar.buffer },
      },
      params: { channels: run.channels, eps, firstChannel: run.firstChannel, firstRow: run.views.xOffset },
      grid: [Math.ceil(run.channels / shaders.batchNormRunningTable.overrides.WG), 1, 1],
    });
  }
}

/** y = (x - mean) * scale + bias by x's table, then max(y, 0) if `relu`. */
export function batchNorm(r: Recorder, x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, { relu }: { relu: boolean }): void {
  const { images, plane } = planes(x);
  for (const { channels, buffers, views, tables } of channelRuns({ x, y })) {
    r.dispatch(shaders.batchNorm, {
      buffers: { ...buffers, table: tableOf({ tables }) },
      params: { plane, relu: Number(relu), ...views },
      grid: planeGrid(plane, channels, images, shaders.batchNorm.overrides.WG, PIXELS),
    });
  }
}

/** Gradients of weight and bias. */
export function batchNormGradAffine(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  dweight: Tensor<'C'>,
  dbias: Tensor<'C'>,
  { relu }: { relu: boolean },
): void {
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CKS', [x.dim('C'), partials, 2], 'batch norm sums');
  for (const { firstChannel, channels, buffers, views, tables } of channelRuns({ x, dy })) {
    const count = channels * partials;
    r.dispatch(shaders.batchNormGradPartial, {
      buffers: { ...buffers, table: tableOf({ tables }), partial: partial.buffer },
      params: { count, ...shares, firstChannel, relu: Number(relu), ...views },
      grid: flatGrid(count, shaders.batchNormGradPartial.overrides.WG),
    });
  }
  r.dispatch(shaders.batchNormGradSums, {
    buffers: { partial: partial.buffer, dweight: dweight.buffer, dbias: dbias.buffer },
    params: { partials },
    overrides: { WG: secondStage(partials) },
    grid: [x.dim('C'), 1, 1],
  });
}

/** Gradient of x, once those of weight and bias are there. */
export function batchNormGrad(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  dweight: Tensor<'C'>,
  dbias: Tensor<'C'>,
  dx: Tensor<'NCHW'>,
  { relu, training }: { relu: boolean; training: boolean },
): void {
  const { images, plane } = planes(x);
  const inverseCount = training ? 1 / (images * plane) : 0;
  for (const { firstChannel, channels, buffers, views, tables } of channelRuns({ x, dy, dx })) {
    r.dispatch(shaders.batchNormGrad, {
      buffers: { ...buffers, table: tableOf({ tables }), dweight: dweight.buffer, dbias: dbias.buffer },
      params: { plane, firstChannel, relu: Number(relu), inverseCount, ...views },
      grid: planeGrid(plane, channels, images, shaders.batchNormGrad.overrides.WG, PIXELS),
      inPlace: { operand: 'dy', result: 'dx', idle: 'x', override: 'IN_PLACE' },
    });
  }
}

function tableOf({ tables }: { tables: { readonly x?: BufferRef } }): BufferRef {
  if (!tables.x) throw new Error('batch norm: x has no table.');
  return tables.x;
}
