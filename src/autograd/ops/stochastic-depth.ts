import * as kernels from '../../kernels/dropout.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { checkProbability } from './dropout.js';

/**
 * Zeroes the images of a batch at random, each as a whole, and scales the others by 1 / (1 - probability): the branch of a residual block,
 * before it is added to the block's input (`add`). The draws are those of `dropout`: a hash of the image's number, `seed` and `layer`, whose
 * numbers `dropout` must not use too. At probability 0, as in inference, it is x itself. Huang et al. 2016, https://arxiv.org/abs/1603.09382
 */
export function stochasticDepth(tape: Tape, x: Tensor<'NCHW'>, settings: kernels.DropoutSettings): Tensor<'NCHW'> {
  checkProbability('stochasticDepth', x, settings.probability);
  if (settings.probability === 0) return x;
  const perImage = { ...settings, perImage: true };
  const y = tape.emptyLike(x);
  kernels.dropout(tape.recorder, x, y, perImage);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.dropout(tape.recorder, dy, dx, perImage);
    return [dx];
  });
}
