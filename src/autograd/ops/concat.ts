import { channelConcat, channelSlice, type Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** Feature maps side by side along C. Nothing is copied, forward or backward: the result shares the memory of its parts. */
export function concat(tape: Tape, parts: readonly Tensor<'NCHW'>[]): Tensor<'NCHW'> {
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
