import { channelConcat, channelSlice, type Tensor } from '../../runtime/tensor.js';
import { withTable } from '../../kernels/batch-norm.js';
import { settled } from './batch-norm.js';
import type { Tape } from '../tape.js';

/**
 * Places for maps that will be concatenated, one per entry of `channels`, side by side in one map of x's batch and this size: what is
 * written there is read in one go, where parts in buffers of their own are read one after the other.
 */
export function sideBySide(
  tape: Tape,
  x: Tensor<'NCHW'>,
  channels: readonly number[],
  { height, width }: { readonly height: number; readonly width: number },
): Tensor<'NCHW'>[] {
  const all = withTable(
    tape.recorder,
    tape.empty('NCHW', [x.dim('N'), channels.reduce((sum, c) => sum + c, 0), height, width], 'side by side'),
  );
  let from = 0;
  return channels.map((count) => {
    from += count;
    return channelSlice(all, from - count, count);
  });
}

/** Feature maps side by side along C. Nothing is copied, forward or backward: the result shares the memory of its parts. */
export function concat(tape: Tape, maps: readonly Tensor<'NCHW'>[]): Tensor<'NCHW'> {
  const parts = maps.every((m) => m.pending) ? maps : maps.map((m) => settled(tape, m));
  const y = channelConcat(parts);
  return tape.push(y, parts, (dy) => {
    let from = 0;
    return parts.map((part) => {
      const count = part.dim('C');
      from += count;
      return channelSlice(dy as Tensor<'NCHW'>, from - count, count);
    });
  });
}
