import * as kernels from '../../kernels/linear.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** y [N, O] = x [N, I] * weight [O, I] transposed + bias [O]. */
export function linear(tape: Tape, x: Tensor<'NC'>, weight: Tensor<'OI'>, bias: Tensor<'C'> | null = null): Tensor<'NC'> {
  const [outFeatures = 0, inFeatures = 0] = weight.shape;
  if (x.dim('C') !== inFeatures || (bias && bias.dim('C') !== outFeatures)) {
    throw new RangeError(
      `linear: the sizes do not fit (x: ${x.toString()}, weight: ${weight.toString()}, bias: ${bias ? bias.toString() : 'none'}), ` +
        `expected weight OI with I = ${x.dim('C')} features of x, bias C = O. Pass the layer that was made for this input.`,
    );
  }
  const y = tape.empty('NC', [x.dim('N'), outFeatures]);
  kernels.linear(tape.recorder, x, weight, bias, y);
  return tape.push(y, bias ? [x, weight, bias] : [x, weight], (gradient) => {
    const dy = gradient as Tensor<'NC'>;
    return [inputGradient(tape, x, weight, dy), weightGradient(tape, x, weight, dy), bias ? biasGradient(tape, bias, dy) : undefined];
  });
}

function inputGradient(tape: Tape, x: Tensor<'NC'>, weight: Tensor<'OI'>, dy: Tensor<'NC'>): Tensor | undefined {
  if (!x.requiresGrad) return undefined;
  const dx = tape.gradTarget(x);
  kernels.linearGradInput(tape.recorder, weight, dy, dx);
  return dx;
}

function weightGradient(tape: Tape, x: Tensor<'NC'>, weight: Tensor<'OI'>, dy: Tensor<'NC'>): Tensor | undefined {
  if (!weight.requiresGrad) return undefined;
  const dw = tape.gradTarget(weight);
  kernels.linearGradWeight(tape.recorder, x, dy, dw);
  return dw;
}

function biasGradient(tape: Tape, bias: Tensor<'C'>, dy: Tensor<'NC'>): Tensor | undefined {
  if (!bias.requiresGrad) return undefined;
  const db = tape.gradTarget(bias);
  kernels.linearGradBias(tape.recorder, dy, db);
  return db;
}
