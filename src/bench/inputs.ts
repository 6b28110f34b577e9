import type { ShapedArray } from '../autograd/parameters.js';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import { UserError } from '../errors.js';
import { initialArrays } from '../model/init.js';
import { unet3plus } from '../model/unet3plus.js';
import { Random } from '../random.js';
import { phantomMammogram } from '../synth/phantom-mammogram.js';
import type { NamedArrays } from './runnable.js';
import type { DetectionWorkload, NetworkWorkload, OperationsWorkload, Workload } from './workloads.js';

const SEED = 1;
const STREAM = 0x62656e63;
/** Share of ones in a target. */
const POSITIVES = 0.05;
/** mm; the shipped model's working spacing, so that detection does not resample. */
export const PHANTOM_SPACING_MM = 0.1;

/** Side of an image before it is enlarged four times. */
export const ENLARGEMENT = 4;

/** What a workload reads, drawn from seed 1: `x`, `target`, parameters and running statistics by name. */
export function seededInputs(workload: Workload): Map<string, ShapedArray> {
  if (workload.kind === 'operations') return operationInputs(workload);
  if (workload.kind === 'detect') return new Map([['x', phantom(workload)]]);
  return networkInputs(workload);
}

function networkInputs({ network, batch, side, kind }: NetworkWorkload): Map<string, ShapedArray> {
  const inputs = new Map([['x', normal([batch, network.inputChannels, side, side], 0)]]);
  if (kind === 'train' || kind === 'train-compact') {
    inputs.set('target', ones([batch, network.segmentationChannels, side, side], 1));
  }
  const model = unet3plus(network);
  const arrays = initialArrays(model, SEED);
  for (const { name, shape } of [...model.layers.parameters, ...model.layers.buffers]) {
    inputs.set(name, { shape, data: arrays.get(name) ?? new Float32Array() });
  }
  return inputs;
}

function operationInputs({ channels, side }: OperationsWorkload): Map<string, ShapedArray> {
  const map = [1, channels, side, side];
  return new Map([
    ['x', normal(map, 0)],
    ['dy', normal(map, 1)],
    ['small', normal([1, channels, side / ENLARGEMENT, side / ENLARGEMENT], 2)],
    ['weight', normal([channels, channels, 3, 3], 3, Math.sqrt(2 / (9 * channels)))],
    ['bias', normal([channels], 4, 0.1)],
  ]);
}

function phantom({ height, width }: DetectionWorkload): ShapedArray {
  const image = phantomMammogram(SEED, { width, height, pixelSpacingMm: PHANTOM_SPACING_MM, view: 'CC' });
  return { shape: [1, 1, height, width], data: image.data };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, s) => product * s, 1);
}

function normal(shape: readonly number[], stream: number, sd = 1): ShapedArray {
  const random = new Random(SEED, STREAM, stream);
  return { shape, data: new Float32Array(sizeOf(shape)).map(() => random.normal(0, sd)) };
}

function ones(shape: readonly number[], stream: number): ShapedArray {
  const random = new Random(SEED, STREAM, stream);
  return { shape, data: new Float32Array(sizeOf(shape)).map(() => (random.next() < POSITIVES ? 1 : 0)) };
}

/**
 * The seeded inputs with those of a file in their place.
 * @throws UserError for names that the workload does not read, other shapes, values that are not finite
 */
export function withGiven(seeded: NamedArrays, given: NamedArrays, file: string): Map<string, ShapedArray> {
  const inputs = new Map(seeded);
  for (const [name, array] of given) {
    const expected = seeded.get(name);
    if (!expected && name === 'target') continue; // inference leaves it unread
    if (!expected) {
      throw new UserError(`${file}: found a tensor '${name}', expected some of ${[...seeded.keys()].join(', ')}. Rename or drop it.`);
    }
    if (array.shape.join() !== expected.shape.join()) {
      throw new UserError(
        `${file}: '${name}' is ${array.shape.join('x')}, expected ${expected.shape.join('x')}. Give it in the workload's size (--write-input shows it).`,
      );
    }
    if (!array.data.every(Number.isFinite)) throw new UserError(`${file}: '${name}' holds values that are not finite. Give finite ones.`);
    inputs.set(name, array);
  }
  return inputs;
}

/** Masks of one image of `target`, one per channel of the compact network. */
export function masksOf(target: ShapedArray, image: number): Uint8Array[] {
  const plane = (target.shape[2] ?? 0) * (target.shape[3] ?? 0);
  return SEGMENTATION_CHANNELS.map((_, c) => {
    const from = (image * SEGMENTATION_CHANNELS.length + c) * plane;
    return Uint8Array.from(target.data.subarray(from, from + plane));
  });
}
