import { conv2dGradBias } from '../../kernels/conv2d-grad-bias.js';
import { hasFastKernels } from '../../kernels/conv2d-fast.js';
import * as kernels from '../../kernels/conv2d-upsampled.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';
import { relu as reluOp } from './relu.js';
import { settled } from './batch-norm.js';

export interface Conv2dUpsampledOptions extends Placed {
  /** How many times x is enlarged, along H and W alike. */
  readonly scale: number;
  /** y = max(y, 0) in the same kernel where no gradient is wanted (inference), as an op of its own otherwise. */
  readonly relu?: boolean;
}

/**
 * conv2d(bilinear(x), weight, bias, { padding: 1 }) where bilinear enlarges `scale` times, 2, 4, 8 or 16: the same function, but the
 * channels are mixed at the size of x and the enlarged x never exists. weight is OIHW with 3x3 taps. x may lie in several channel blocks.
 */
export function conv2dUpsampled(
  tape: Tape,
  input: Tensor<'NCHW'>,
  weight: Tensor<'OIHW'>,
  bias: Tensor<'C'> | null,
  { scale, relu = false, into }: Conv2dUpsampledOptions,
): Tensor<'NCHW'> {
  check(input, weight, bias, scale);
  const x = hasFastKernels(tape.recorder) ? input : settled(tape, input);
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const differentiated = tape.options.grad && inputs.some((t) => t.requiresGrad);
  const shape = [x.dim('N'), weight.dim('O'), scale * x.dim('H'), scale * x.dim('W')];
  const y = tape.placeOf(relu && differentiated ? undefined : into, 'NCHW', shape, 'conv2dUpsampled');
  kernels.conv2dUpsampled(tape.recorder, { x, weight, bias, y }, relu && !differentiated);
  const result = tape.push(y, inputs, (gradient) => {
    const dy = gradient as Tensor<'NCHW'>;
    const dx = x.requiresGrad ? tape.gradTarget(x) : undefined;
    const dw = weight.requiresGrad ? tape.gradTarget(weight) : undefined;
    if (dx ?? dw) kernels.conv2dUpsampledGrad(tape.recorder, x, weight, dy, { dx, dw });
    if (!bias?.requiresGrad) return [dx, dw];
    const db = tape.gradTarget(bias);
    conv2dGradBias(tape.recorder, dy, db);
    return [dx, dw, db];
  });
  return relu && differentiated ? reluOp(tape, result, { into }) : result;
}

/** The `scale` for conv2dUpsampled with which x gets this size, or null where bilinear and then conv2d is better or the only way. */
export function upsamplingScale(
  tape: Tape,
  x: Tensor<'NCHW'>,
  weight: Tensor<'OIHW'>,
  { height, width }: { readonly height: number; readonly width: number },
): number | null {
  const scale = height / x.dim('H');
  const isUniform = scale === width / x.dim('W') && kernels.UPSAMPLED_RATIOS.includes(scale);
  if (!isUniform || weight.dim('H') !== 3 || weight.dim('W') !== 3) return null;
  return kernels.commutes(tape.recorder, x, weight, scale) ? scale : null;
}

function check(x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, bias: Tensor<'C'> | null, scale: number): void {
  const found = `x: ${x.toString()}, weight: ${weight.toString()}`;
  if (!kernels.UPSAMPLED_RATIOS.includes(scale) || weight.dim('H') !== 3 || weight.dim('W') !== 3) {
    const ratios = kernels.UPSAMPLED_RATIOS.join(', ');
    throw new RangeError(
      `conv2dUpsampled: scale ${scale} (${found}), expected ${ratios} and 3x3 weights. Use bilinear and then conv2d for others.`,
    );
  }
  if (x.dim('C') !== weight.dim('I')) {
    throw new RangeError(
      `conv2dUpsampled: x has ${x.dim('C')} channels, weight takes ${weight.dim('I')} (${found}). Give weight one input channel per channel of x.`,
    );
  }
  if (bias && bias.size !== weight.dim('O')) {
    throw new RangeError(
      `conv2dUpsampled: bias has ${bias.size} entries, weight ${weight.dim('O')} output channels (${found}). Give one bias per output channel, or null.`,
    );
  }
}
