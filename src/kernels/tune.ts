// The autotuner: times the candidates of an op on scratch tensors of the asked shape.
import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import type { Program } from '../runtime/program.js';
import { Recorder } from '../runtime/recorder.js';
import { bytesOf } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { importTuning, shortHash, Tuning, tuningKey, type Ask, type NamedTuning, type TuningOrigin } from '../runtime/tuning.js';
import { bilinear, bilinearGrad } from './bilinear.js';
import { conv2dGradWeight } from './conv2d-grad-weight.js';
import { commutes, conv2dUpsampled, conv2dUpsampledGrad, UPSAMPLED_CONVS } from './conv2d-upsampled.js';
import { CONV_3X3_WAY } from './conv2d-winograd.js';
import { conv2d, conv2dGradInput } from './conv2d.js';
import { race } from './race.js';
import * as shaders from './shaders.gen.js';
import { candidatesHere, CONV_1X1, CONV_3X3, CONV_3X3_GRAD_WEIGHT, type Tunable } from './tunable.js';

interface Scratch {
  readonly x: Tensor<'NCHW'>;
  readonly y: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
}

interface Trial {
  readonly tunable: Tunable;
  /** Width and height of the weights, pixels. */
  readonly side: number;
  /** How many times y is larger than x. */
  readonly ratio?: number;
  readonly record: (r: Recorder, scratch: Scratch) => void;
}

const POINT = { stride: 1, padding: 0, dilation: 1 };
const SAME = { stride: 1, padding: 1, dilation: 1 };

/** Every op that can be tuned, and what is timed. */
const TRIALS: readonly Trial[] = [
  { tunable: CONV_3X3, side: 3, record: (r, { x, y, weight }) => conv2d(r, { x, y, weight, bias: null }, SAME, false) },
  { tunable: CONV_3X3_WAY, side: 3, record: (r, { x, y, weight }) => conv2d(r, { x, y, weight, bias: null }, SAME, false) },
  { tunable: CONV_3X3_GRAD_WEIGHT, side: 3, record: (r, { x, y, weight }) => conv2dGradWeight(r, x, y, weight, SAME) },
  { tunable: CONV_1X1, side: 1, record: (r, { x, y, weight }) => conv2d(r, { x, y, weight, bias: null }, POINT, false) },
  ...UPSAMPLED_CONVS.map((tunable) => ({ tunable, side: 3, ratio: tunable.ratio, record: upsampledBothWays(tunable.ratio) })),
];

export const TUNABLES: readonly Tunable[] = TRIALS.map(({ tunable }) => tunable);

/** Forward and backward: one choice serves both. */
function upsampledBothWays(ratio: number): Trial['record'] {
  return (r, { x, y, weight }) => {
    const [dx, dw] = [r.empty('NCHW', x.shape), r.empty('OIHW', weight.shape)];
    if (commutes(r, x, weight, ratio)) {
      conv2dUpsampled(r, { x, y, weight, bias: null }, false);
      conv2dUpsampledGrad(r, x, weight, y, { dx, dw });
      return;
    }
    const shape = [x.dim('N'), x.dim('C'), y.dim('H'), y.dim('W')];
    const [enlarged, gradient] = [r.empty('NCHW', shape), r.empty('NCHW', shape)];
    bilinear(r, x, enlarged);
    conv2d(r, { x: enlarged, y, weight, bias: null }, SAME, false);
    conv2dGradWeight(r, enlarged, y, dw, SAME);
    conv2dGradInput(r, weight, y, gradient, SAME);
    bilinearGrad(r, gradient, dx);
  };
}

/** What a table measured on this device is valid for. */
export async function tuningOrigin({ adapter: { vendor, device, description } }: Device): Promise<TuningOrigin> {
  const wgsl = await shortHash(
    Object.values(shaders)
      .map(({ source }) => source)
      .join('\n'),
  );
  return { adapter: `${vendor} ${device}`.trim(), driver: description, wgsl };
}

/** Gives a device the table, without what does not fit it, for what is recorded from then on. @returns warnings, one line each */
export async function useTuning(device: Device, table: NamedTuning): Promise<readonly string[]> {
  const { tuning, warnings } = importTuning(table, await tuningOrigin(device), (key, choice) => {
    const op = key.split(' ')[0];
    return TUNABLES.some((tunable) => tunable.op === op && tunable.candidates.has(choice));
  });
  device.tuning = tuning;
  return warnings;
}

/** What was measured for one key. */
export interface TunedOp extends Ask {
  readonly key: string;
  readonly usual: string;
  readonly choice: string;
  /** Milliseconds per run, median; of candidates that soon fell behind, of few runs. */
  readonly medianMs: Readonly<Record<string, number>>;
}

/** A sample takes at least so long: to submit and to wait takes a part of a millisecond. */
const SAMPLE_MS = 4;
const MOST_REPEATS = 64;
/** Rounds of the race, and of one whose runs take long. */
const [ROUNDS, SLOW_ROUNDS, SLOW_MS] = [9, 5, 100];

/** Times every candidate that runs here. The device's tuning table is left as it was. */
export async function tuneOp(device: Device, ask: Ask, rounds = ROUNDS): Promise<TunedOp> {
  const key = tuningKey(ask);
  const trial = TRIALS.find(({ tunable: { op } }) => op === ask.op);
  if (!trial) throw new Error(`${ask.op} is not among the ops that can be tuned.`);
  const names = candidatesHere(device, trial.tunable, ask.shape);
  const scratch = scratchOf(device, ask, trial);
  let programs = new Map<string, Program>();
  const compile = async (repeats: number): Promise<void> => {
    for (const program of programs.values()) program.destroy();
    programs = new Map();
    for (const name of names) programs.set(name, await compileTrial(device, trial, scratch, new Map([[key, name]]), repeats));
    for (const name of names) await sample(name); // the driver compiles at the first dispatch
  };
  const sample = async (name: string): Promise<number> => {
    const startedAt = performance.now();
    programs.get(name)?.run();
    await device.idle();
    return performance.now() - startedAt;
  };
  try {
    await compile(1);
    const onceMs = await sample(names[0]);
    const repeats = Math.min(MOST_REPEATS, Math.ceil(SAMPLE_MS / onceMs));
    if (repeats > 1) await compile(repeats);
    const { median, winner } = await race(names, sample, onceMs > SLOW_MS ? Math.min(rounds, SLOW_ROUNDS) : rounds);
    const medianMs = Object.fromEntries([...median].map(([name, ms]) => [name, ms / repeats]));
    return { ...ask, key, usual: names[0], choice: winner, medianMs };
  } finally {
    for (const program of programs.values()) program.destroy();
    for (const { buffer } of Object.values(scratch) as Tensor[]) if (buffer.storage.buffer) device.destroyBuffer(buffer.storage.buffer);
  }
}

/** A program that runs one candidate several times. */
async function compileTrial(
  device: Device,
  { record }: Trial,
  scratch: Scratch,
  choices: ReadonlyMap<string, string>,
  repeats: number,
): Promise<Program> {
  const before = device.tuning;
  device.tuning = new Tuning(new Map([...before.choices, ...choices]));
  try {
    const recorder = new Recorder(device, { maps: scratch.x.element });
    for (let i = 0; i < repeats; i++) record(recorder, scratch);
    return await recorder.compile({ label: 'tuning' });
  } finally {
    device.tuning = before;
  }
}

/** Random tensors of the shape; of maps that exceed a binding, as many rows as fit. */
function scratchOf(device: Device, { shape, maps = 'f32' }: Ask, { side, ratio = 1 }: Trial): Scratch {
  const { images, inChannels, outChannels, width } = shape;
  const random = new Random(1, 0x74756e65);
  const filled = <A extends string>(axes: A, ...sizes: number[]): Tensor<A> => {
    const length = sizes.reduce((product, s) => product * s, 1);
    const data = Float32Array.from({ length }, () => random.next() - 0.5);
    return device.tensor(axes, sizes, data, 'scratch', axes === 'NCHW' ? maps : 'f32');
  };
  const rowBytes = bytesOf(images * width * Math.max(outChannels, inChannels / ratio ** 2), maps);
  const lowRows = Math.floor(Math.min(shape.height, device.maxBindingBytes / rowBytes) / ratio);
  return {
    x: filled('NCHW', images, inChannels, lowRows, width / ratio),
    y: filled('NCHW', images, outChannels, ratio * lowRows, width),
    weight: filled('OIHW', outChannels, inChannels, side, side),
  };
}
