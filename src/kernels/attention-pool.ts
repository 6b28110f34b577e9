import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { channelRuns } from './channels.js';
import { planePieces } from './plane-pieces.js';
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

/** `sums` [N, C + 1] = for every channel the sum over pixels of attention * features, then the sum of attention. */
export function sumAttended(r: Recorder, features: Tensor<'NCHW'>, weights: Tensor<'NCHW'>, sums: Tensor<'NC'>): void {
  const [images, channels] = [features.dim('N'), features.dim('C')];
  const plane = features.dim('H') * features.dim('W');
  const { piece, pieces } = planePieces(plane);
  const partials = r.empty('E', [sums.size * pieces], 'attention partial sums').buffer;
  const common = { plane, piece, columns: channels + 1 };
  for (const run of channelRuns({ x: features })) {
    const params = { ...common, ...run.views, firstColumn: run.firstChannel, plain: 0 };
    const buffers = { attention: weights.buffer, x: run.buffers.x, partials };
    r.dispatch(shaders.attentionSumsPartial, { buffers, params, grid: [pieces, run.channels, images] });
  }
  const params = { ...common, xChannels: 1, xOffset: 0, firstColumn: channels, plain: 1 };
  r.dispatch(shaders.attentionSumsPartial, {
    buffers: { attention: weights.buffer, x: weights.buffer, partials },
    params,
    grid: [pieces, 1, images],
  });
  const grid = flatGrid(sums.size, shaders.attentionSums.overrides.WG);
  r.dispatch(shaders.attentionSums, { buffers: { partials, sums: sums.buffer }, params: { rows: sums.size, pieces }, grid });
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
