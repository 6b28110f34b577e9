import * as kernels from '../../kernels/layer-norm.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';
import { settled } from './batch-norm.js';

export interface LayerNormOptions {
  /** Added to the biased variance; ConvNeXt has 1e-6. */
  readonly eps?: number;
}

/**
 * Normalises the channels of every pixel, x [N,C,H,W], or of every row, x [N,C]: y = (x - mean) / sqrt(var + eps) * weight + bias with
 * mean and biased variance over C. Throws RangeError where C differs. Ba, Kiros, Hinton 2016, https://arxiv.org/abs/1607.06450
 */
export function layerNorm<A extends 'NCHW' | 'NC'>(
  tape: Tape,
  input: Tensor<A>,
  weight: Tensor<'C'>,
  bias: Tensor<'C'>,
  { eps = 1e-6 }: LayerNormOptions = {},
): Tensor<A> {
  checkChannels(input, { weight, bias });
  const r = tape.recorder;
  const x = input.pending ? settled(tape, input as Tensor<'NCHW'>) : (input as kernels.Normed);
  const table = kernels.layerNormTable(r, x, { eps });
  const y = tape.empty(input.axes, input.shape, input.label);
  kernels.layerNorm(r, x, table, weight, bias, y as kernels.Normed);
  return tape.push(y, [x, weight, bias], (gradient) => {
    const dy = gradient as kernels.Normed;
    const affine = weight.requiresGrad || bias.requiresGrad ? gradAffine(tape, x, table, dy, weight, bias) : [];
    return [x.requiresGrad ? gradInput(tape, x, table, dy, weight) : undefined, ...affine];
  });
}

function gradInput(tape: Tape, x: kernels.Normed, table: Tensor<'PT'>, dy: kernels.Normed, weight: Tensor<'C'>): Tensor {
  const dx = tape.gradTarget<'NCHW' | 'NC'>(x);
  kernels.layerNormGradInput(tape.recorder, x, table, weight, dy, dx);
  return dx;
}

function gradAffine(
  tape: Tape,
  x: kernels.Normed,
  table: Tensor<'PT'>,
  dy: kernels.Normed,
  weight: Tensor<'C'>,
  bias: Tensor<'C'>,
): Tensor[] {
  const [dweight, dbias] = [tape.gradTarget(weight), tape.gradTarget(bias)];
  kernels.layerNormGradAffine(tape.recorder, x, table, dy, dweight, dbias);
  return [dweight, dbias];
}

function checkChannels(x: Tensor, vectors: Readonly<Record<string, Tensor<'C'>>>): void {
  for (const [name, vector] of Object.entries(vectors)) {
    if (vector.size === x.dim('C')) continue;
    throw new RangeError(
      `layerNorm: ${name} has ${vector.size} channels, expected ${x.dim('C')} (${x.toString()}). Make the layer with the channels of its input.`,
    );
  }
}
