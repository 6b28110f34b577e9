import { settled } from '../autograd/ops/batch-norm.js';
import { Tape } from '../autograd/tape.js';
import { unet3plus } from '../model/unet3plus.js';
import type { ElementType } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { buildTrainStep } from './build-networks.js';
import { float64Pass } from './float64-unet3plus.js';
import { seededInputs } from './inputs.js';
import type { Environment } from './row.js';
import type { BuildContext } from './runnable.js';
import { textTable } from './table.js';
import { NETWORK_S, type NetworkWorkload } from './workloads.js';

/** Training steps of S on one image: small, of sides that are no multiple of 16, and up to where engines have got their 32-bit indices wrong. */
export const CORRECT_WORKLOADS: readonly NetworkWorkload[] = [32, 100, 256, 384, 512].map((side) => ({
  name: `S-${side}`,
  summary: `training step of S, 1x1x${side}x${side}, whose gradients are checked against float64`,
  kind: 'train',
  network: NETWORK_S,
  batch: 1,
  side,
}));

/** Largest relative deviations that pass, by how maps are stored; docs/numerics.md derives them. */
export const CORRECT_BOUNDS = {
  f32: { loss: 1e-6, gradient: 1e-4, gradientWithFlips: 4e-2 },
  f16: { loss: 1e-4, gradient: 6e-2, gradientWithFlips: 0.6 },
} as const;

/** How far a training pass is from float64. */
export interface Deviation {
  /** Of the loss, relative. */
  readonly loss: number;
  /** Of all gradients together, 2-norm, relative. */
  readonly gradient: number;
  /** Of the array that is furthest off, 2-norm, relative to its own. */
  readonly worst: number;
  readonly worstName: string;
  /** Largest difference of one entry. */
  readonly absolute: number;
  readonly absoluteName: string;
}

/** Network S on one image: a training pass held against float64. */
export interface CorrectRow extends Deviation, Environment {
  readonly workload: string;
  readonly op: 'gradient-check';
  /** Deviation from the float64 pass whose ReLUs and max-pools choose as those of the device. */
  readonly rounding: Deviation;
  /** ReLUs and max-pools that choose otherwise than float64 would. */
  readonly flips: number;
  readonly passed: boolean;
}

/** Runs a training pass on the device and, for large images in minutes, in float64: once as the device chose, and where that matters freely. */
export async function checkGradients(
  workload: NetworkWorkload,
  context: Omit<BuildContext, 'inputs'>,
  environment: Environment,
): Promise<CorrectRow> {
  const inputs = seededInputs(workload);
  const device = await devicePass(workload, { ...context, inputs });
  const followed = float64Pass(workload.network, inputs, device.activations);
  const rounding = deviationOf(device, followed);
  const free = followed.flips === 0 ? rounding : deviationOf(device, float64Pass(workload.network, inputs));
  const passed = isCorrect(free, rounding, environment.precision);
  return { workload: workload.name, op: 'gradient-check', ...free, rounding, flips: followed.flips, passed, ...environment };
}

/** @param rounding with the device's choices in ReLUs and max-pools @param free with float64's own */
export function isCorrect(free: Pick<Deviation, 'loss' | 'worst'>, rounding: Pick<Deviation, 'worst'>, precision: ElementType): boolean {
  const { loss, gradient, gradientWithFlips } = CORRECT_BOUNDS[precision];
  return free.loss <= loss && rounding.worst <= gradient && free.worst <= gradientWithFlips; // never with NaN
}

/** Loss and gradients of one training pass. */
interface PassResult {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, ArrayLike<number>>;
}

/** Keeps what the batch norms of a network write, each with its ReLU. */
class ActivationsTape extends Tape {
  readonly activations: Tensor[] = [];

  override push<A extends string>(y: Tensor<A>, inputs: readonly Tensor[], backward: Parameters<Tape['push']>[2]): Tensor<A> {
    const isBatchNorm = inputs.length === 3 && inputs[1]?.axes === 'C'; // map, scale, shift
    const pushed = super.push(y, inputs, backward);
    if (isBatchNorm) {
      const activation = settled(this, y as Tensor<'NCHW'>);
      this.recorder.keep(activation);
      this.activations.push(activation);
    }
    return pushed;
  }
}

async function devicePass(
  workload: NetworkWorkload,
  context: BuildContext,
): Promise<PassResult & { readonly activations: readonly Float32Array[] }> {
  const tapes: ActivationsTape[] = [];
  const runnable = await buildTrainStep(workload, context, (recorder) => {
    const tape = new ActivationsTape(recorder);
    tapes.push(tape);
    return tape;
  });
  try {
    runnable.step();
    await runnable.wait();
    const activations: Float32Array[] = [];
    for (const map of tapes.flatMap((tape) => tape.activations)) activations.push(await context.device.read(map));
    const outputs = await runnable.outputs();
    const gradients = new Map([...outputs].filter(([n]) => n !== 'loss').map(([n, { data }]) => [n.slice('grad.'.length), data]));
    return { loss: outputs.get('loss')?.data[0] ?? NaN, gradients, activations };
  } finally {
    runnable.destroy();
  }
}

/** The gradient of a bias in front of a batch norm is 0 but for rounding: what is small is told by the weights beside it. */
const SCALED_BY = new Map(unet3plus(NETWORK_S).layers.folds.map(({ conv }) => [`${conv}.bias`, `${conv}.weight`]));

function deviationOf(found: PassResult, exact: PassResult): Deviation {
  const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const arrays = [...exact.gradients].map(([name, expected]) => {
    const actual = found.gradients.get(name) ?? [];
    const differences = Array.from(expected, (e, i) => Math.abs((actual[i] ?? NaN) - e));
    const scale = exact.gradients.get(SCALED_BY.get(name) ?? name) ?? [];
    const [off, size] = [norm(differences), norm(Array.from(expected))];
    return { name, off, size, worst: off / norm(Array.from(scale)), absolute: differences.reduce((a, b) => (b <= a ? a : b), 0) };
  });
  const most = (key: 'worst' | 'absolute') => arrays.reduce((a, b) => (b[key] <= a[key] ? a : b)); // NaN is more than anything
  const { worst, name: worstName } = most('worst');
  const { absolute, name: absoluteName } = most('absolute');
  const gradient = norm(arrays.map(({ off }) => off)) / norm(arrays.map(({ size }) => size));
  return { loss: Math.abs(found.loss - exact.loss) / Math.abs(exact.loss), gradient, worst, worstName, absolute, absoluteName };
}

const tiny = (value: number): string => value.toExponential(1);

export function correctTable(rows: readonly CorrectRow[]): string {
  return textTable(rows, [
    { title: 'against float64', cell: ({ workload }) => workload },
    { title: 'loss', cell: (r) => tiny(r.loss) },
    { title: 'gradient', cell: (r) => tiny(r.gradient) },
    { title: 'worst array', cell: (r) => tiny(r.worst) },
    { title: 'which', cell: (r) => r.worstName },
    { title: 'largest difference', cell: (r) => tiny(r.absolute) },
    { title: 'in', cell: (r) => r.absoluteName },
    { title: 'flips', cell: (r) => String(r.flips) },
    { title: 'without flips: gradient', cell: (r) => tiny(r.rounding.gradient) },
    { title: 'worst array', cell: (r) => tiny(r.rounding.worst) },
    { title: 'which', cell: (r) => r.rounding.worstName },
    { title: '', cell: (r) => (r.passed ? 'ok' : 'WRONG') },
  ]);
}

/** What did not pass, for people. */
export function failureOf({ workload, loss, worst, worstName, rounding, precision }: CorrectRow): string {
  const { loss: lossBound, gradient, gradientWithFlips } = CORRECT_BOUNDS[precision];
  return (
    `${workload} is wrong on this adapter: loss off by ${tiny(loss)} (at most ${tiny(lossBound)}), gradient of ${worstName} by ${tiny(worst)} ` +
    `(${tiny(gradientWithFlips)}), of ${rounding.worstName} without flips by ${tiny(rounding.worst)} (${tiny(gradient)}). ` +
    'Try another driver, and report this with the output of `mcgpu doctor`.'
  );
}
