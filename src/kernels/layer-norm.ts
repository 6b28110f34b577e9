import { flatGrid, type Recorder } from '../runtime/recorder.js';
import { tensorIn, type Tensor } from '../runtime/tensor.js';
import { channelRuns, planes } from './channels.js';
import { planeShares, secondStage } from './partial-sum.js';
import { planeGrid } from './plane-grid.js';
import * as shaders from './shaders.gen.js';

/** What layer norm works on: a map, or rows of features. */
export type Normed = Tensor<'NCHW'> | Tensor<'NC'>;

/** Rows of features as a map of one pixel each. */
function asMap(x: Normed): Tensor<'NCHW'> {
  return x.axes === 'NCHW' ? x : tensorIn(x.buffer, 'NCHW', [x.dim('N'), x.dim('C'), 1, 1], x.label);
}

/** Mean and 1 / sqrt(biased variance + eps) over the channels of every pixel, [N*P, 2]. */
export function layerNormTable(r: Recorder, input: Normed, { eps }: { eps: number }): Tensor<'PT'> {
  const x = asMap(input);
  const { images, plane } = planes(x);
  const count = images * plane;
  const table = r.empty('PT', [count, 2], 'layer norm table');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x })) {
    r.dispatch(shaders.layerNormTable, {
      buffers: { ...buffers, table: table.buffer },
      params: { count, plane, channels, firstChannel, total: x.dim('C'), eps, ...views },
      grid: flatGrid(count, shaders.layerNormTable.overrides.WG),
    });
  }
  return table;
}

/** @param table what `layerNormTable` returned for x, here and below */
export function layerNorm(r: Recorder, x: Normed, table: Tensor<'PT'>, weight: Tensor<'C'>, bias: Tensor<'C'>, y: Normed): void {
  const { images, plane } = planes(asMap(x));
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x: asMap(x), y: asMap(y) })) {
    r.dispatch(shaders.layerNorm, {
      buffers: { ...buffers, table: table.buffer, weight: weight.buffer, bias: bias.buffer },
      params: { plane, firstChannel, ...views },
      grid: planeGrid(plane, channels, images, shaders.layerNorm.overrides.WG),
    });
  }
}

export function layerNormGradInput(r: Recorder, x: Normed, table: Tensor<'PT'>, weight: Tensor<'C'>, dy: Normed, dx: Normed): void {
  const maps = { x: asMap(x), dy: asMap(dy), dx: asMap(dx) };
  const { images, plane } = planes(maps.x);
  const inverseCount = 1 / x.dim('C');
  const sums = gradientSums(r, maps, table, weight);
  for (const { firstChannel, channels, buffers, views } of channelRuns(maps)) {
    r.dispatch(shaders.layerNormGrad, {
      buffers: { ...buffers, table: table.buffer, sums: sums.buffer, weight: weight.buffer },
      params: { plane, firstChannel, inverseCount, ...views },
      grid: planeGrid(plane, channels, images, shaders.layerNormGrad.overrides.WG),
    });
  }
}

/** Sums over the channels of every pixel, [N*P, 2]: of dy * weight, and of that times normalised x. */
function gradientSums(
  r: Recorder,
  { x, dy }: { x: Tensor<'NCHW'>; dy: Tensor<'NCHW'> },
  table: Tensor<'PT'>,
  weight: Tensor<'C'>,
): Tensor<'PT'> {
  const count = table.dim('P');
  const sums = r.empty('PT', [count, 2], 'layer norm gradient sums');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, dy })) {
    r.dispatch(shaders.layerNormGradSums, {
      buffers: { ...buffers, table: table.buffer, weight: weight.buffer, sums: sums.buffer },
      params: { count, plane: planes(x).plane, channels, firstChannel, ...views },
      grid: flatGrid(count, shaders.layerNormGradSums.overrides.WG),
    });
  }
  return sums;
}

/** Gradients of weight and bias. */
export function layerNormGradAffine(
  r: Recorder,
  input: Normed,
  table: Tensor<'PT'>,
  dy: Normed,
  dweight: Tensor<'C'>,
  dbias: Tensor<'C'>,
): void {
  const x = asMap(input);
  const { partials, ...shares } = planeShares(x);
  const partial = r.empty('CKS', [x.dim('C'), partials, 2], 'layer norm sums');
  for (const { firstChannel, channels, buffers, views } of channelRuns({ x, dy: asMap(dy) })) {
    const count = channels * partials;
    r.dispatch(shaders.layerNormGradPartial, {
      buffers: { ...buffers, table: table.buffer, partial: partial.buffer },
      params: { count, ...shares, first: firstChannel * partials, ...views },
      grid: flatGrid(count, shaders.layerNormGradPartial.overrides.WG),
    });
  }
  r.dispatch(shaders.batchNormGradSums, {
    buffers: { partial: partial.buffer, dweight: dweight.buffer, dbias: dbias.buffer },
    params: { partials },
    overrides: { WG: secondStage(partials) },
    grid: [x.dim('C'), 1, 1],
  });
}
