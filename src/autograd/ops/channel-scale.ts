import * as kernels from '../../kernels/channel-scale.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** y[n,c] = gamma[c] * x[n,c], the "layer scale" of ConvNeXt (https://arxiv.org/abs/2103.17239). Throws RangeError where C differs. */
export function channelScale(tape: Tape, x: Tensor<'NCHW'>, gamma: Tensor<'C'>): Tensor<'NCHW'> {
  if (gamma.size !== x.dim('C')) {
    throw new RangeError(
      `channelScale: gamma has ${gamma.size} channels, expected ${x.dim('C')} (${x.toString()}). Make it with the channels of its input.`,
    );
  }
  const y = tape.emptyLike(x);
  kernels.channelScale(tape.recorder, x, gamma, y);
  return tape.push(y, [x, gamma], (gradient) => {
    const dy = gradient as Tensor<'NCHW'>;
    return [x.requiresGrad ? gradX(tape, x, dy, gamma) : undefined, gamma.requiresGrad ? gradGamma(tape, x, dy, gamma) : undefined];
  });
}

function gradX(tape: Tape, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, gamma: Tensor<'C'>): Tensor {
  const dx = tape.gradTarget(x);
  kernels.channelScale(tape.recorder, dy, gamma, dx);
  return dx;
}

function gradGamma(tape: Tape, x: Tensor<'NCHW'>, dy: Tensor<'NCHW'>, gamma: Tensor<'C'>): Tensor {
  const dgamma = tape.gradTarget(gamma);
  kernels.channelScaleGrad(tape.recorder, x, dy, dgamma);
  return dgamma;
}
