import * as kernels from '../../kernels/conv2d.js';
import { conv2dGradBias } from '../../kernels/conv2d-grad-bias.js';
import { fastKernel } from '../../kernels/conv2d-fast.js';
import * as gradients from '../../kernels/conv2d-grad-weight.js';
import type { ConvGeometry } from '../../kernels/conv2d-blocks.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';
import { settled } from './batch-norm.js';
import { relu as reluOp } from './relu.js';

export interface Conv2dOptions extends Placed {
  /** Pixels, along H and W alike. */
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  /** Output channels of run g see only the input channels of run g, of so many runs of equal length. */
  readonly groups?: number;
  /** y = max(y, 0) in the same kernel where no gradient is wanted (inference), as an op of its own otherwise. */
  readonly relu?: boolean;
  /** A batch norm in training follows at once. */
  readonly moments?: boolean;
}

/**
 * Convolution (cross-correlation) as PyTorch's: x NCHW, weight OIHW with I = C / groups, bias C or null, zero padding; the output has
 * floor((size + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1 rows and columns. x may lie in several channel blocks.
 */
export function conv2d(
  tape: Tape,
  input: Tensor<'NCHW'>,
  weight: Tensor<'OIHW'>,
  bias: Tensor<'C'> | null,
  { stride = 1, padding = 0, dilation = 1, groups = 1, relu = false, moments = false, into }: Conv2dOptions = {},
): Tensor<'NCHW'> {
  const geometry = { stride, padding, dilation, groups };
  const x = fastKernel(tape.recorder, weight, geometry) ? input : settled(tape, input);
  const shape = outputShape(x, weight, bias, geometry);
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const differentiated = tape.options.grad && inputs.some((t) => t.requiresGrad);
  const y = tape.placeOf(relu && differentiated ? undefined : into, 'NCHW', shape, 'conv2d');
  kernels.conv2d(tape.recorder, { x, weight, bias, y, moments }, geometry, relu && !differentiated);
  const result = tape.push(y, inputs, (gradient) => {
    const dy = gradient as Tensor<'NCHW'>;
    // That of x last: it takes a map, and the others need room for a while.
    const dw = gradWeight(tape, x, weight, dy, geometry);
    const db = bias ? gradBias(tape, bias, dy) : undefined;
    return [gradInput(tape, x, weight, dy, geometry), dw, db];
  });
  return relu && differentiated ? reluOp(tape, result, { into }) : result;
}

function gradInput(tape: Tape, x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, dy: Tensor<'NCHW'>, geometry: ConvGeometry): Tensor | undefined {
  if (!x.requiresGrad) return undefined;
  const dx = tape.gradTarget(x);
  kernels.conv2dGradInput(tape.recorder, weight, dy, dx, geometry);
  return dx;
}

function gradWeight(tape: Tape, x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, dy: Tensor<'NCHW'>, geometry: ConvGeometry): Tensor | undefined {
  if (!weight.requiresGrad) return undefined;
  const dw = tape.gradTarget(weight);
  gradients.conv2dGradWeight(tape.recorder, x, dy, dw, geometry);
  return dw;
}

function gradBias(tape: Tape, bias: Tensor<'C'>, dy: Tensor<'NCHW'>): Tensor | undefined {
  if (!bias.requiresGrad) return undefined;
  const db = tape.gradTarget(bias);
  conv2dGradBias(tape.recorder, dy, db);
  return db;
}

function outputShape(x: Tensor<'NCHW'>, weight: Tensor<'OIHW'>, bias: Tensor<'C'> | null, geometry: ConvGeometry): number[] {
  const { stride, padding, dilation, groups = 1 } = geometry;
  if (![stride, padding, dilation].every(Number.isInteger) || stride < 1 || padding < 0 || dilation < 1) {
    throw new RangeError(
      `conv2d: stride ${stride}, padding ${padding}, dilation ${dilation}, expected whole pixels with stride >= 1, padding >= 0 and dilation >= 1.`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1 || weight.dim('O') % groups !== 0) {
    throw new RangeError(
      `conv2d: ${groups} groups, expected a whole number that divides the ${weight.dim('O')} output channels (weight: ${weight.toString()}).`,
    );
  }
  const [channels, taken] = [x.dim('C'), weight.dim('I') * groups];
  if (channels !== taken) {
    throw new RangeError(
      `conv2d: x has ${channels} channels, weight takes ${taken} in ${groups} group(s) (x: ${x.toString()}, weight: ${weight.toString()}). ` +
        `Give weight I = channels of x / groups.`,
    );
  }
  if (bias && bias.size !== weight.dim('O')) {
    throw new RangeError(
      `conv2d: bias has ${bias.size} entries, weight ${weight.dim('O')} output channels (bias: ${bias.toString()}, weight: ${weight.toString()}). Give one bias per output channel, or null.`,
    );
  }
  const side = (axis: string): number => Math.floor((x.dim(axis) + 2 * padding - dilation * (weight.dim(axis) - 1) - 1) / stride) + 1;
  const [height, width] = [side('H'), side('W')];
  if (height < 1 || width < 1) {
    throw new RangeError(
      `conv2d: the kernel does not fit (x: ${x.toString()}, weight: ${weight.toString()}, padding ${padding}, dilation ${dilation}). Pad more or use a larger input.`,
    );
  }
  return [x.dim('N'), weight.dim('O'), height, width];
}
