import type { Tensor } from '../../runtime/tensor.js';

/** Maps [N, C, H, W], or rows [N, C]. */
export type Logits = Tensor<'NCHW'> | Tensor<'NC'>;

interface LossTensors {
  readonly target: Tensor;
  readonly weight?: Tensor | undefined;
  readonly mask?: Tensor | undefined;
  readonly perChannel?: Tensor | undefined;
}

/**
 * Checks the tensors of a loss per pixel: target and weight as the logits, mask [N, 1, H, W] ([N, 1] or N for rows), one number
 * per channel. They count as constants: no gradient flows to them.
 */
export function checkLossShapes(loss: string, logits: Logits, { target, weight, mask, perChannel }: LossTensors): void {
  const same = (t: Tensor): boolean => t.axes === logits.axes && t.shape.join() === logits.shape.join();
  const rows = logits.size / logits.dim('C');
  const fits =
    same(target) &&
    (!weight || same(weight)) &&
    (!mask || (mask.size === rows && mask.shape[0] === logits.shape[0])) &&
    (!perChannel || perChannel.size === logits.dim('C'));
  if (fits) return;
  const found = [logits, target, weight, mask, perChannel].filter((t) => t !== undefined).map(String);
  throw new RangeError(
    `${loss}: the sizes do not fit (${found.join(', ')}), expected target and weight as the logits, mask N1HW, posWeight C. ` +
      'Take the targets of the same scale.',
  );
}
