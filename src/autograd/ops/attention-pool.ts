import * as kernels from '../../kernels/attention-pool.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

export interface AttentionPoolOptions {
  /** Exponent of the probability. */
  readonly power?: number;
  /** Pixels added to the sum of attention: features fade to 0 where the segmentation sees nothing. */
  readonly eps?: number;
}

/**
 * Mean of the features [N, C, H, W] over the pixels that the segmentation logits [N, K, H, W] point at, as [N, C]:
 * a = (largest probability over K)^power, y = sum(a f) / (sum(a) + eps). The attention is a constant: classes teach the
 * features, not where to look. Sums, not means, so that tiles can be put together (`attentionSums`). The logits must lie in
 * one buffer.
 */
export function attentionPool(
  tape: Tape,
  features: Tensor<'NCHW'>,
  logits: Tensor<'NCHW'>,
  { power = kernels.ATTENTION_POWER, eps = kernels.ATTENTION_EPS }: AttentionPoolOptions = {},
): Tensor<'NC'> {
  const [images, channels, height, width] = [features.dim('N'), features.dim('C'), features.dim('H'), features.dim('W')];
  if (logits.dim('N') !== images || logits.dim('H') !== height || logits.dim('W') !== width) {
    throw new RangeError(
      `attentionPool: N, H and W differ (features: ${features.toString()}, logits: ${logits.toString()}), expected equal. Take the logits of the same scale.`,
    );
  }
  const attention = tape.empty('NCHW', [images, 1, height, width], 'attention');
  const sums = tape.empty('NC', [images, channels + 1], 'attention sums');
  const y = tape.empty('NC', [images, channels]);
  kernels.attention(tape.recorder, logits, null, attention, power);
  kernels.sumAttended(tape.recorder, features, attention, sums);
  kernels.attentionPool(tape.recorder, sums, y, eps);
  return tape.push(y, [features], (dy) => {
    const dx = tape.gradTarget(features);
    kernels.attentionPoolGrad(tape.recorder, attention, sums, dy as Tensor<'NC'>, dx, eps);
    return [dx];
  });
}
