// The autotuner: times the candidates of an op on scratch tensors of the asked shape.
import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import type { Program } from '../runtime/program.js';
import { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { importTuning, shortHash, Tuning, tuningKey, type Ask, type NamedTuning, type TuningOrigin } from '../runtime/tuning.js';
import { conv2dGradWeight } from './conv2d-grad-weight.js';
import { conv2d } from './conv2d.js';
import { race } from './race.js';
import * as shaders from './shaders.gen.js';
import { candidatesHere, CONV_1X1, CONV_3X3, CONV_3X3_GRAD_WEIGHT, TUNABLES } from './tunable.js';

interface Scratch {
  readonly x: Tensor<'NCHW'>;
  readonly y: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
}

interface Trial {
  /** Width and height of the weights, pixels. */
  readonly side: number;
  readonly record: (r: Recorder, scratch: Scratch) => void;
}

const POINT = { stride: 1, padding: 0, dilation: 1 };
const SAME = { stride: 1, padding: 1, dilation: 1 };

/** What is timed, by op. */
const TRIALS: Readonly<Record<string, Trial>> = {
  [CONV_3X3.op]: { side: 3, record: (r, { x, y, weight }) => conv2d(r, { x, y, weight, bias: null }, SAME, false) },
  [CONV_3X3_GRAD_WEIGHT.op]: { side: 3, record: (r, { x, y, weight }) => conv2dGradWeight(r, x, y, weight, SAME) },
  [CONV_1X1.op]: { side: 1, record: (r, { x, y, weight }) => conv2d(r, { x, y, weight, bias: null }, POINT, false) },
};

/** Every shader that a candidate runs. */
const SHADERS = [
  ...[shaders.conv2d3x3, shaders.conv2d3x3Subgroup, shaders.conv2d1x1, shaders.conv2dPack],
  ...[shaders.conv2d3x3GradWeight, shaders.conv2d3x3GradWeightSubgroup, shaders.conv2dGradSum],
];

/** What a table measured on this device is valid for. */
export async function tuningOrigin({ adapter: { vendor, device, description } }: Device): Promise<TuningOrigin> {
  const wgsl = await shortHash(SHADERS.map(({ source }) => source).join('\n'));
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

/** Times every candidate that runs here. The device's tuning table is left as it was. */
export async function tuneOp(device: Device, ask: Ask, rounds?: number): Promise<TunedOp> {
  const key = tuningKey(ask);
  const trial = TRIALS[ask.op];
  const tunable = TUNABLES.find(({ op }) => op === ask.op);
  if (!trial || !tunable) throw new Error(`${ask.op} is not among the ops that can be tuned.`);
  const names = candidatesHere(device, tunable, ask.shape);
  const scratch = scratchOf(device, ask, trial.side);
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
    const { median, winner } = await race(names, sample, rounds);
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
    const recorder = new Recorder(device);
    for (let i = 0; i < repeats; i++) record(recorder, scratch);
    return await recorder.compile({ label: 'tuning' });
  } finally {
    device.tuning = before;
  }
}

function scratchOf(device: Device, { shape: { images, inChannels, outChannels, height, width } }: Ask, side: number): Scratch {
  const random = new Random(1, 0x74756e65);
  const filled = <A extends string>(axes: A, ...shape: number[]): Tensor<A> => {
    const size = shape.reduce((product, s) => product * s, 1);
    return device.tensor(
      axes,
      shape,
      Float32Array.from({ length: size }, () => random.next() - 0.5),
    );
  };
  return {
    x: filled('NCHW', images, inChannels, height, width),
    y: filled('NCHW', images, outChannels, height, width),
    weight: filled('OIHW', outChannels, inChannels, side, side),
  };
}
