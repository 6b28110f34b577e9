import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeShares, secondStage } from './partial-sum.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** Numbers per channel in the table of shaders/lib/batch-norm.wgsl. */
const TABLE = 5;

/** Pixels per invocation of the passes over the map: enough that the three to five loads for its channel count little. */
const PIXELS = 8;

interface BatchNormSettings {
  readonly eps: number;
}

/** Mean, variance, scale and bias of every channel: [C, 5]. */
type Table = Tensor<'CT'>;

/** The table from the statistics of the batch x. */
export function batchNormTable(r: Recorder, x: Tensor<'NCHW'>, weight: Tensor<'C'>, bias: Tensor<'C'>, { eps }: BatchNormSettings): Table {
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CKM', [x.dim('C'), partials, 3], 'batch moments');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x })) {
    const count = channels * partials;
    r.dispatch(shaders.batchNormPartial, {
      buffers: { ...buffers, partial: partial.buffer },
      params: { count, ...shares, first: firstChannel * partials, ...views },
      grid: flatGrid(count, shaders.batchNormPartial.overrides.WG),
    });
  }
  const table = r.empty('CT', [x.dim('C'), TABLE], 'batch norm table');
  const buffers = { partial: partial.buffer, weight: weight.buffer, bias: bias.buffer, table: table.buffer };
  const overrides = { WG: secondStage(partials) };
  r.dispatch(shaders.batchNormTable, { buffers, params: { partials, eps }, overrides, grid: [x.dim('C'), 1, 1] });
  return table;
}

/** The table from running statistics. */
export function batchNormRunningTable(
  r: Recorder,
  runningMean: Tensor<'C'>,
  runningVar: Tensor<'C'>,
  weight: Tensor<'C'>,
  bias: Tensor<'C'>,
  { eps }: BatchNormSettings,
): Table {
  const channels = weight.dim('C');
  const table = r.empty('CT', [channels, TABLE], 'batch norm table');
  r.dispatch(shaders.batchNormRunningTable, {
    buffers: {
      runningMean: runningMean.buffer,
      runningVar: runningVar.buffer,
      weight: weight.buffer,
      bias: bias.buffer,
      table: table.buffer,
    },
    params: { channels, eps },
    grid: channelGrid(channels, shaders.batchNormRunningTable.overrides.WG),
  });
  return table;
}

/** Moves the running statistics, in place, towards those in the table. */
export function batchNormRunning(r: Recorder, table: Table, runningMean: Tensor<'C'>, runningVar: Tensor<'C'>, momentum: number): void {
  const channels = runningMean.dim('C');
  r.dispatch(shaders.batchNormRunning, {
    buffers: { table: table.buffer, runningMean: runningMean.buffer, runningVar: runningVar.buffer },
    params: { channels, momentum },
    grid: channelGrid(channels, shaders.batchNormRunning.overrides.WG),
  });
}

/** y = (x - mean) * scale + bias by the table, then max(y, 0) if `relu`. */
export function batchNorm(r: Recorder, x: Tensor<'NCHW'>, table: Table, y: Tensor<'NCHW'>, { relu }: { relu: boolean }): void {
  const { images, plane } = planes(x);
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, y })) {
    r.dispatch(shaders.batchNorm, {
      buffers: { ...buffers, table: table.buffer },
      params: { plane, firstChannel, relu: Number(relu), ...views },
      grid: planeGrid(plane, channels, images, shaders.batchNorm.overrides.WG, PIXELS),
    });
  }
}

/** Gradients of weight and bias. */
export function batchNormGradAffine(
  r: Recorder,
  x: Tensor<'NCHW'>,
  dy: Tensor<'NCHW'>,
  table: Table,
  dweight: Tensor<'C'>,
  dbias: Tensor<'C'>,
  { relu }: { relu: boolean },
): void {
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CKS', [x.dim('C'), partials, 2], 'batch norm sums');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, dy })) {
    const count = channels * partials;
    r.dispatch(shaders.batchNormGradPartial, {
      buffers: { ...buffers, table: table.buffer, partial: partial.buffer },
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
  table: Table,
  dweight: Tensor<'C'>,
  dbias: Tensor<'C'>,
  dx: Tensor<'NCHW'>,
  { relu, training }: { relu: boolean; training: boolean },
): void {
  const { images, plane } = planes(x);
  const inverseCount = training ? 1 / (images * plane) : 0;
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, dy, dx })) {
    r.dispatch(shaders.batchNormGrad, {
      buffers: { ...buffers, table: table.buffer, dweight: dweight.buffer, dbias: dbias.buffer },
      params: { plane, firstChannel, relu: Number(relu), inverseCount, ...views },
      grid: planeGrid(plane, channels, images, shaders.batchNormGrad.overrides.WG, PIXELS),
    });
  }
}

function channelGrid(channels: number, workgroupSize: number): readonly [number, number, number] {
  return [Math.ceil(channels / workgroupSize), 1, 1];
}
