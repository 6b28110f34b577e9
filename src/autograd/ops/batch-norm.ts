import * as kernels from '../../kernels/batch-norm.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';

/** Learnt scale and shift, and the persistent statistics that training updates in place. */
export interface BatchNormState {
  readonly weight: Tensor<'C'>;
  readonly bias: Tensor<'C'>;
  readonly runningMean: Tensor<'C'>;
  readonly runningVar: Tensor<'C'>;
}

export interface BatchNormOptions extends Placed {
  /** true: normalise by the batch and update the running statistics; false: normalise by the running statistics. */
  readonly training: boolean;
  /** Weight of the new batch in the running statistics. */
  readonly momentum?: number;
  readonly eps?: number;
  /** Fuses max(y, 0) into the pass that writes y, and its mask into the gradient. */
  readonly relu?: boolean;
}

/**
 * Batch normalisation over N, H, W: y = (x - mean) / sqrt(var + eps) * weight + bias. As in PyTorch the biased variance
 * normalises and the unbiased one enters `runningVar`. Throws RangeError where C differs, or where a training batch has
 * one value per channel. Ioffe, Szegedy 2015, https://arxiv.org/abs/1502.03167
 */
export function batchNorm(
  tape: Tape,
  x: Tensor<'NCHW'>,
  state: BatchNormState,
  { training, momentum = 0.1, eps = 1e-5, relu = false, into }: BatchNormOptions,
): Tensor<'NCHW'> {
  checkShapes(x, state, training);
  const { weight, bias, runningMean, runningVar } = state;
  const r = tape.recorder;
  const table = training
    ? kernels.batchNormTable(r, x, weight, bias, { eps })
    : kernels.batchNormRunningTable(r, runningMean, runningVar, weight, bias, { eps });
  if (training && !tape.options.again) kernels.batchNormRunning(r, table, runningMean, runningVar, momentum);
  const y = tape.placeOf(into, x.axes, x.shape, x.label);
  kernels.batchNorm(r, x, table, y, { relu });
  return tape.push(y, [x, weight, bias], (gradient) => {
    const dy = gradient as Tensor<'NCHW'>;
    const dweight = tape.gradTarget(weight);
    const dbias = tape.gradTarget(bias);
    kernels.batchNormGradAffine(r, x, dy, table, dweight, dbias, { relu });
    if (!x.requiresGrad) return [undefined, dweight, dbias];
    const dx = tape.gradTarget(x);
    kernels.batchNormGrad(r, x, dy, table, dweight, dbias, dx, { relu, training });
    return [dx, dweight, dbias];
  });
}

function checkShapes(x: Tensor<'NCHW'>, state: BatchNormState, training: boolean): void {
  for (const name of ['weight', 'bias', 'runningMean', 'runningVar'] as const) {
    const found = state[name].size;
    if (found !== x.dim('C')) {
      throw new RangeError(
        `batchNorm: ${name} has ${found} channels, expected ${x.dim('C')} (${x.toString()}). Make the layer with the channels of its input.`,
      );
    }
  }
  const values = x.size / x.dim('C');
  if (training && values < 2) {
    throw new RangeError(
      `batchNorm: ${values} value per channel, expected at least 2 in training (${x.toString()}). Use a larger batch or patch.`,
    );
  }
}
