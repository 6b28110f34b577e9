import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { BufferRef } from '../runtime/storage.js';
import { stored, type Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { partialSum, planeShares } from './partial-sum.js';
import * as shaders from './shaders.gen.js';

/** Exponent of the probability, and pixels added to the sum of attention. Tiled inference must use the same. */
export const ATTENTION_POWER = 2;
export const ATTENTION_EPS = 1;

/** `into` [N, 1, H, W] = mask [1, 1, H, W] * (largest probability over the channels of `logits` [N, K, H, W])^power. */
export function attention(
  r: Recorder,
  logits: Tensor<'NCHW'>,
  mask: Tensor<'NCHW'> | null,
  into: Tensor<'NCHW'>,
  power = ATTENTION_POWER,
): void {
  const plane = logits.dim('H') * logits.dim('W');
  const params = { plane, channels: logits.dim('C'), power, masked: mask ? 1 : 0 };
  const buffers = { logits: logits.buffer, mask: (mask ?? logits).buffer, attention: into.buffer };
  r.dispatch(shaders.attention, { buffers, params, grid: [Math.ceil(plane / shaders.attention.overrides.WG), 1, logits.dim('N')] });
}

/** Where a run of channels lies in its buffer and in the sums; `plain` sums the attention alone. */
interface AttendedRun {
  readonly xChannels: number;
  readonly xOffset: number;
  readonly firstColumn: number;
  readonly plain: number;
}

/** features may be pending. `sums` [N, C + 1] = for every channel the sum over pixels of attention * features, then the sum of attention. */
export function sumAttended(r: Recorder, features: Tensor<'NCHW'>, weights: Tensor<'NCHW'>, sums: Tensor<'NC'>): void {
  const columns = features.dim('C') + 1;
  const { partials: perColumn, ...shares } = planeShares(features);
  const partial = r.empty('CK', [sums.size, shares.lanes], 'attention partial sums');
  const dispatch = (x: BufferRef, table: BufferRef | undefined, channels: number, run: AttendedRun): void => {
    r.dispatch(shaders.attentionSumsPartial, {
      buffers: { attention: weights.buffer, x, table: table ?? x, partials: partial.buffer },
      params: { count: channels * perColumn, columns, ...shares, ...run },
      overrides: { NORM: table ? 1 : 0 },
      grid: flatGrid(channels * perColumn, shaders.attentionSumsPartial.overrides.WG),
    });
  };
  for (const { firstChannel, channels, buffers, views, tables } of channelRuns({ x: stored(features) })) {
    dispatch(buffers.x, tables.x, channels, { ...views, firstColumn: firstChannel, plain: 0 });
  }
  dispatch(weights.buffer, undefined, 1, { xChannels: 1, xOffset: 0, firstColumn: columns - 1, plain: 1 });
  partialSum(r, partial, sums);
}

/**
 * The sums of attention pooling before the division, over the pixels that the mask [1, 1, H, W] selects (null: all): `sums`
 * [N, C + 1] as in `sumAttended`. Cores of tiles partition an image, so the sums of all tiles add up to those of the image;
 * the pooled features are sums[c] / (sums[C] + ATTENTION_EPS).
 */
export function attentionSums(
  r: Recorder,
  features: Tensor<'NCHW'>,
  logits: Tensor<'NCHW'>,
  mask: Tensor<'NCHW'> | null,
  sums: Tensor<'NC'>,
  power = ATTENTION_POWER,
): void {
  const weights = r.empty('NCHW', [logits.dim('N'), 1, logits.dim('H'), logits.dim('W')], 'attention');
  attention(r, logits, mask, weights, power);
  sumAttended(r, features, weights, sums);
}

/** y [N, C] = sums[n, c] / (sums[n, C] + eps). */
export function attentionPool(r: Recorder, sums: Tensor<'NC'>, y: Tensor<'NC'>, eps: number): void {
  const params = { count: y.size, channels: y.dim('C'), eps };
  r.dispatch(shaders.attentionPool, {
    buffers: { sums: sums.buffer, y: y.buffer },
    params,
    grid: flatGrid(y.size, shaders.attentionPool.overrides.WG),
  });
}

export function attentionPoolGrad(
  r: Recorder,
  weights: Tensor<'NCHW'>,
  sums: Tensor<'NC'>,
  dy: Tensor<'NC'>,
  dx: Tensor<'NCHW'>,
  eps: number,
): void {
  const plane = dx.dim('H') * dx.dim('W');
  for (const run of channelRuns({ dx })) {
    const params = { plane, ...run.views, channels: dx.dim('C'), firstChannel: run.firstChannel, eps };
    const buffers = { attention: weights.buffer, sums: sums.buffer, dy: dy.buffer, dx: run.buffers.dx };
    const grid = [Math.ceil(plane / shaders.attentionPoolGrad.overrides.WG), run.channels, dx.dim('N')] as const;
    r.dispatch(shaders.attentionPoolGrad, { buffers, params, grid });
  }
}
