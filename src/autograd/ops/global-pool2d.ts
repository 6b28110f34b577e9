import * as kernels from '../../kernels/global-pool2d.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** Mean of every plane, [N, C, H, W] to [N, C]: PyTorch's adaptive_avg_pool2d to 1x1, flattened. */
export function globalAvgPool2d(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NC'> {
  const y = tape.empty('NC', [x.dim('N'), x.dim('C')], x.label);
  kernels.globalAvgPool2d(tape.recorder, x, y);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.globalAvgPool2dGrad(tape.recorder, dy as Tensor<'NC'>, dx);
    return [dx];
  });
}

/** Maximum of every plane, [N, C, H, W] to [N, C]; the first pixel, in row-major order, that attains it takes the gradient. */
export function globalMaxPool2d(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NC'> {
  const y = tape.empty('NC', [x.dim('N'), x.dim('C')], x.label);
  const index = tape.empty('NC', y.shape, 'max pool index');
  kernels.globalMaxPool2d(tape.recorder, x, y, index);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    kernels.globalMaxPool2dGrad(tape.recorder, dy as Tensor<'NC'>, index, dx);
    return [dx];
  });
}
