import * as kernels from '../../kernels/batch-norm.js';
import { stored, Tensor } from '../../runtime/tensor.js';
import type { Placed, Tape } from '../tape.js';

export interface BatchNormOptions extends Placed {
  /** true: normalise by the batch and update the running statistics; false: normalise by the running statistics. */
  readonly training: boolean;
  /** Weight of the new batch in the running statistics. */
  readonly momentum?: number;
  readonly eps?: number;
  /** Fuses max(y, 0) into the pass that writes y, and its mask into the gradient. */
  readonly relu?: boolean;
}

interface BatchNormSettings {
  readonly training: boolean;
  readonly momentum: number;
  readonly eps: number;
  readonly relu: boolean;
}

/**
 * Batch normalisation over N, H, W: y = (x - mean) / sqrt(var + eps) * weight + bias. As in PyTorch the biased variance
 * normalises and the unbiased one enters `runningVar`. Throws RangeError where C differs, or where a training batch has
 * one value per channel. Ioffe, Szegedy 2015, https://arxiv.org/abs/1502.03167
 */
export function batchNorm(
  tape: Tape,
  x: Tensor<'NCHW'>,
  state: kernels.BatchNormVectors,
  { training, momentum = 0.1, eps = 1e-5, relu = false, into }: BatchNormOptions,
): Tensor<'NCHW'> {
  const settings = { training, momentum, eps, relu };
  const z = withStatistics(tape, x, state, settings);
  const y = tape.placeOf(into, x.axes, x.shape, x.label);
  kernels.batchNorm(tape.recorder, z, y, { relu });
  return pushNorm(tape, y, x, z, state, settings);
}

/**
 * Batch norm and ReLU that their readers apply: nothing is written, the result is x's memory as a pending map. Halves the maps that a
 * training step keeps.
 */
export function batchNormOnRead(
  tape: Tape,
  x: Tensor<'NCHW'>,
  state: kernels.BatchNormVectors,
  { training, momentum = 0.1, eps = 1e-5 }: Pick<BatchNormOptions, 'training' | 'momentum' | 'eps'>,
): Tensor<'NCHW'> {
  const settings = { training, momentum, eps, relu: true };
  const z = withStatistics(tape, x, state, settings);
  const y = new Tensor(z.axes, z.shape, z.blocks, z.label, true);
  return pushNorm(tape, y, x, z, state, settings);
}

const settledMaps = new WeakMap<Tape, WeakMap<Tensor, Tensor<'NCHW'>>>();

/** x for ops that cannot normalise what they read: a pending map written out, once per tape; any other as it is. */
export function settled(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  if (!x.pending) return x;
  const known = settledMaps.get(tape) ?? new WeakMap<Tensor, Tensor<'NCHW'>>();
  settledMaps.set(tape, known);
  const before = known.get(x);
  if (before) return before;
  const y = tape.empty(x.axes, x.shape, x.label);
  kernels.batchNorm(tape.recorder, stored(x), y, { relu: true });
  known.set(x, y);
  return tape.push(y, [x], (dy) => [dy]);
}

/** x with its table filled. */
function withStatistics(
  tape: Tape,
  x: Tensor<'NCHW'>,
  state: kernels.BatchNormVectors,
  { training, momentum, eps }: BatchNormSettings,
): Tensor<'NCHW'> {
  checkShapes(x, state, training);
  const z = kernels.withTable(tape.recorder, x);
  if (!training) kernels.batchNormRunningTable(tape.recorder, z, state, { eps });
  else kernels.batchNormTable(tape.recorder, z, state, { eps, momentum: tape.options.again ? 0 : momentum });
  return z;
}

function pushNorm(
  tape: Tape,
  y: Tensor<'NCHW'>,
  x: Tensor<'NCHW'>,
  z: Tensor<'NCHW'>,
  { weight, bias }: kernels.BatchNormVectors,
  { training, relu }: BatchNormSettings,
): Tensor<'NCHW'> {
  const r = tape.recorder;
  return tape.push(y, [x, weight, bias], (gradient) => {
    const dy = gradient as Tensor<'NCHW'>;
    const dweight = tape.gradTarget(weight);
    const dbias = tape.gradTarget(bias);
    kernels.batchNormGradAffine(r, z, dy, dweight, dbias, { relu });
    if (!x.requiresGrad) return [undefined, dweight, dbias];
    const dx = tape.gradTarget(x);
    kernels.batchNormGrad(r, z, dy, dweight, dbias, dx, { relu, training });
    return [dx, dweight, dbias];
  });
}

function checkShapes(x: Tensor<'NCHW'>, state: kernels.BatchNormVectors, training: boolean): void {
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
